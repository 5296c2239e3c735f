#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A killed server loses no acknowledged write, flushed or not; a point that was made lives on.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/../lib/volume.sh"
requires qemu-io --version

make_volume vol-1 64M
start_volume vol-1
io -t none -c 'write -P 1 0 1M' -c 'write -P 2 100k 5000' "$uri"
must vol-1 '{"call":"point","name":"p1"}'
io -c 'write -P 3 512k 4k' "$uri"
kill_volume
start_volume vol-1
io -r -c 'read -P 1 0 100k' -c 'read -P 2 100k 5000' "$uri"
io -r -c 'read -P 3 512k 4k' -c 'read -P 1 516k 508k' "$uri"
io -r -c 'read -P 1 512k 512k' "$(point_uri p1)"
io -c 'write -P 4 512k 512k' "$uri"
io -r -c 'read -P 1 512k 512k' "$(point_uri p1)"
is 1 "$(status vol-1 blocks_dirty)" 'dirty blocks since the point'
must vol-1 '{"call":"release","name":"p1"}'
is 2 "$(status vol-1 blocks_dirty)" 'dirty blocks when the point flowed back'
