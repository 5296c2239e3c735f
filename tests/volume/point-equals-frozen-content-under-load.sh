#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A point taken under load equals the content at that instant, while the load goes on.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/../lib/volume.sh"
requires fio --version
requires nbdcopy --version
requires cmp --version

make_store
dd if=/dev/urandom of="$tmp/raw" bs=1M count=32 status=none
truncate -s 64M "$tmp/raw"
"$KILN_MKSNAP" snapshot "$store" snap-1 "$tmp/raw"
make_volume vol-1 64M snap-1
start_volume vol-1 store="$store" fill=max

fio --name=load --ioengine=nbd --uri="$uri" --rw=randwrite --bsrange=512-64k --blockalign=512 \
    --iodepth=8 --size=64M --time_based --runtime=20 --randrepeat=0 --refill_buffers \
    --allow_file_create=0 > "$tmp/fio.out" 2>&1 &
load=$!
stop_load() {
    kill "$load" 2> /dev/null || :
}
on_exit stop_load
# The load has begun when blocks are dirty: asked again and again, each answer is an event.
until [ "$(status vol-1 blocks_dirty)" -ge 60 ]; do
    kill -0 "$load" 2> /dev/null || { cat "$tmp/fio.out" >&2; fail 'the load has ended'; }
done
must vol-1 '{"call":"freeze"}'
must vol-1 '{"call":"point","name":"p1"}'
nbdcopy "$uri" "$tmp/at-the-instant"
must vol-1 '{"call":"thaw"}'
nbdcopy "$(point_uri p1/full)" "$tmp/of-the-point"
kill -0 "$load" || fail 'the load has ended too early'
cmp "$tmp/at-the-instant" "$tmp/of-the-point"
# a second, without a freeze, must be one state too: read twice under load it is the same
must vol-1 '{"call":"point","name":"p2"}'
nbdcopy "$(point_uri p2/full)" "$tmp/once"
nbdcopy "$(point_uri p2/full)" "$tmp/twice"
cmp "$tmp/once" "$tmp/twice"
nbdcopy "$uri" "$tmp/now"
! cmp -s "$tmp/now" "$tmp/once" || fail 'the load changes nothing'
