#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The extents of point/NAME are the blocks changed since the base, exactly; point/NAME/full is
# a plain copy's view.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/../lib/volume.sh"
requires nbdinfo --version
requires qemu-io --version
requires nbdcopy --version

make_store
dd if=/dev/urandom of="$tmp/raw" bs=512k count=8 status=none
truncate -s 8M "$tmp/raw"
"$KILN_MKSNAP" snapshot "$store" snap-1 "$tmp/raw"
make_volume vol-1 8M snap-1
start_volume vol-1 store="$store"

io -c 'write -P 5 512k 1' -c 'write -P 6 1023k 2k' "$uri"
io -c 'discard 2M 512k' -c 'write -P 7 7M 100k' "$uri"
must vol-1 '{"call":"point","name":"p1"}'
cat > "$tmp/wanted" << 'END'
0 524288 1
524288 1048576 0
1572864 524288 1
2097152 524288 3
2621440 4718592 1
7340032 524288 0
7864320 524288 1
END
changed() {
    nbdinfo --json --map "$1" | jq -r '.[] | "\(.offset) \(.length) \(.type)"'
}
changed "$(point_uri p1)" > "$tmp/got"
diff -u "$tmp/wanted" "$tmp/got"
io -c 'write -P 9 0 8M' "$uri"
changed "$(point_uri p1)" > "$tmp/got"
diff -u "$tmp/wanted" "$tmp/got"

# into a snapshot: afterwards dirty is relative to it
nbdcopy "$(point_uri p1/full)" "$tmp/full"
"$KILN_MKSNAP" snapshot "$store" snap-2 "$tmp/full" snap-1
must vol-1 '{"call":"release","name":"p1","base":"snap-2"}'
is snap-2 "$(status vol-1 base)" 'base'
is 16 "$(status vol-1 blocks_dirty)" 'dirty blocks'
must vol-1 '{"call":"release","name":"never-was"}'
must vol-1 '{"call":"point","name":"p2"}'
must vol-1 '{"call":"point","name":"p3"}'
is '0 8388608 0' "$(changed "$(point_uri p2)")" 'extents of p2'
must vol-1 '{"call":"release","name":"p2"}'
must vol-1 '{"call":"release","name":"p3"}'
is 16 "$(status vol-1 blocks_dirty)" 'dirty blocks that flowed back'
