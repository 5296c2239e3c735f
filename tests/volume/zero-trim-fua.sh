#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# docs/design/flush.md, one line each: flush, FUA, write-zeroes, trim, fast zero.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/../lib/volume.sh"
requires qemu-io --version
requires nbdinfo --version

make_store
dd if=/dev/urandom of="$tmp/raw" bs=1M count=8 status=none
"$KILN_MKSNAP" snapshot "$store" snap-1 "$tmp/raw"
make_volume vol-1 8M snap-1
export KILN_VOLUME_BOOT_ID=boot-1
start_volume vol-1 store="$store"
allocated() {
    stat -c %b "$tmp/vol-1/data"
}

# zeros over absent blocks: read as zeros, never the base again, no store read
io -c 'write -z -u 0 1M' -c 'discard 1M 1M' "$uri"
io -r -c 'read -P 0 0 2M' "$uri"
is 0 "$(status vol-1 store_blocks_read)" 'store reads for zeros'
is 0 "$(allocated)" 'room taken by zeros that may trim'
# write-zeroes without "may trim" keeps room; with it gives it back
io -c 'write -z 2M 1M' "$uri"
[ "$(allocated)" -ge 2048 ] || fail 'write-zeroes without unmap took no room'
io -r -c 'read -P 0 2M 1M' "$uri"
io -c 'write -P 1 4M 1M' -c 'discard 4M 1M' "$uri"
io -r -c 'read -P 0 4M 1M' "$uri"
# fast zero is answered, one way or the other, and so is FUA
io -c 'write -z -n -u 5M 1M' -c 'write -f -P 7 6M 4k' -c 'write -z -f 6300k 4k' "$uri"
kill_volume
export KILN_VOLUME_BOOT_ID=boot-2
start_volume vol-1 store="$store"
io -r -c 'read -P 7 6M 4k' -c 'read -P 0 6300k 4k' -c 'read -P 0 0 3M' -c 'read -P 0 4M 2M' "$uri"
