#!/bin/sh
# A volume of 8 GiB is served in less than 100 ms, and stops clean.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/../lib/volume.sh"
requires nbdinfo --version
requires qemu-io --version

make_store
truncate -s 8G "$tmp/raw"
"$KILN_MKSNAP" snapshot "$store" snap-1 "$tmp/raw"
before=$(date +%s%N)
make_volume vol-1 8G snap-1
start_volume vol-1 store="$store"
nbdinfo --size "$uri" > "$tmp/size"
ms=$((($(date +%s%N) - before) / 1000000))
echo "# created, started and answered in $ms ms"
is 8589934592 "$(cat "$tmp/size")" 'size'
# Three programs start inside these: what is promised is the volume's part.
[ "$ms" -lt "${KILN_ATTACH_MS:-500}" ] || fail "$ms ms are too many"

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
