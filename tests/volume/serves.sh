#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A volume of 8 GiB is served with all that NBD offers, and stops clean, clients or not.
# (How soon it is served is asserted by test-volume-server.)
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/../lib/volume.sh"
requires nbdinfo --version
requires qemu-io --version

make_store
truncate -s 8G "$tmp/raw"
"$KILN_MKSNAP" snapshot "$store" snap-1 "$tmp/raw"
make_volume vol-1 8G snap-1
start_volume vol-1 store="$store"
is 8589934592 "$(nbdinfo --size "$uri")" 'size'

nbdinfo --json "$uri" > "$tmp/info"
for can in can_flush can_fua can_multi_conn can_trim can_zero can_fast_zero; do
    is true "$(jq -r ".exports[0].$can" "$tmp/info")" "$can"
done
is 660 "$(stat -c %a "$sock")" 'mode of the NBD socket'
is 660 "$(stat -c %a "$tmp/vol-1/ctl.sock")" 'mode of the control socket'
must vol-1 '{"call":"ping"}'
stop_volume vol-1
start_volume vol-1
is true "$(status vol-1 clean_start)" 'clean_start'
io -c 'write 0 4k' "$uri"
kill_volume
start_volume vol-1
is false "$(status vol-1 clean_start)" 'clean_start after a kill'

# A client that stays does not keep the server from ending.
mkfifo "$tmp/commands"
qemu-io -f raw "$uri" < "$tmp/commands" > "$tmp/io.out" 2>&1 &
exec 7> "$tmp/commands"
echo 'write 0 4k' >&7
until [ "$(status vol-1 blocks_dirty)" -ge 1 ]; do :; done
stop_volume vol-1
exec 7>&-
wait
start_volume vol-1
is true "$(status vol-1 clean_start)" 'clean_start after a stop with a client'
