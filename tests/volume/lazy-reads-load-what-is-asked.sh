#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Only what is read comes from the store; writes of whole blocks load nothing; the fill brings the
# rest; a damaged store is an error, never wrong data.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/../lib/volume.sh"
requires qemu-io --version
requires nbdcopy --version

make_store
dd if=/dev/urandom of="$tmp/raw" bs=1M count=16 status=none
truncate -s 128M "$tmp/raw"
"$KILN_MKSNAP" snapshot "$store" snap-1 "$tmp/raw"
make_volume vol-1 128M snap-1
start_volume vol-1 store="$store"

is 32 "$(status vol-1 blocks_base)" 'blocks with content in the base'
is 0 "$(status vol-1 store_blocks_read)" 'blocks read before any request'
io -c 'write -P 1 8M 512k' -c 'read -P 0 100M 1M' -c 'write -P 2 100M 4k' "$uri"
is 0 "$(status vol-1 store_blocks_read)" 'blocks read for whole writes and zeros'
io -c 'write -P 3 1M 8k' "$uri"
is 0 "$(status vol-1 store_blocks_read)" 'blocks read for writes of sectors'
io -c 'read 0 4k' -c 'read 4M 1M' "$uri"
is 3 "$(status vol-1 store_blocks_read)" 'blocks read'
io -c 'write -P 3 5M 1' "$uri"
is 4 "$(status vol-1 store_blocks_read)" 'blocks read for a part of a sector'

must vol-1 '{"call":"fill","rate":"max"}'
until [ "$(status vol-1 fill_done)" -eq 32 ]; do :; done
# overwrite BYTE KIB AT: the same in the raw file
overwrite() {
    head -c $(($2 * 1024)) /dev/zero | tr '\0' "$1" |
        dd of="$tmp/raw" bs=1M seek="$3" conv=notrunc status=none
}
overwrite '\003' 8 1
overwrite '\001' 512 8
overwrite '\002' 4 100
printf '\003' | dd of="$tmp/raw" bs=1M seek=5 conv=notrunc status=none
nbdcopy "$uri" "$tmp/got"
cmp "$tmp/raw" "$tmp/got"
