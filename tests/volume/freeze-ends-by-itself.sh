#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A frozen volume holds writes; a dead daemon's freeze ends after 5 s, and then its point is
# refused.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/../lib/volume.sh"
requires qemu-io --version

make_volume vol-1 64M
start_volume vol-1
before=$(date +%s%N)
must vol-1 '{"call":"freeze"}'
is true "$(status vol-1 frozen)" 'frozen'
io -r -c 'read -P 0 0 4k' "$uri"
io -c 'write -P 1 0 4k' "$uri"
ms=$((($(date +%s%N) - before) / 1000000))
echo "# the write was done $ms ms after the freeze was asked for"
[ "$ms" -ge 4500 ] || fail "the write was not held: $ms ms"
ctl vol-1 '{"call":"point","name":"p1"}' > "$tmp/answer"
is timeout "$(jq -r .kind "$tmp/answer")" 'a point after the instant is lost'
must vol-1 '{"call":"thaw"}'
must vol-1 '{"call":"point","name":"p1"}'
must vol-1 '{"call":"point","name":"p1"}'
ctl vol-1 '{"call":"point","name":"../p"}' > "$tmp/answer"
is invalid "$(jq -r .kind "$tmp/answer")" 'a name that is a path'
ctl vol-1 'nonsense' > "$tmp/answer"
is false "$(jq -r .ok "$tmp/answer")" 'nonsense'
