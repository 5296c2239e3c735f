#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# kill -9 at many moments of the whole program: the disk is as before, or as after, once the next
# command has looked at it.
. "$(dirname "$0")/lib.sh"
requires jq --version
requires qemu-img --version
requires timeout --version

disk "$tmp/base" --size 64M --firmware bare --facts "$tmp/facts"
sid=$(jq -r .sid "$tmp/facts")
before=0 after=0 finished=0

try() { # FORMAT MILLISECONDS
    printf '{"action": "generalise", "run": "%s", "disks": [{"path": "%s", "format": "%s"}]}' \
        "$tmp" "$tmp/d.$1" "$1" > "$tmp/request"
    cp --sparse=always "$tmp/base.$1" "$tmp/d.$1"
    timeout -s KILL "0.$2" "$KILN_BUILD/kiln-worker" windows --request "$tmp/request" \
        > "$tmp/out" 2>&1 || true
    [ ! -e "$tmp/d.$1.kiln-journal" ] || finished=$((finished + 1))
    "$KILN" windows inspect --json "$tmp/d.$1" > "$tmp/json" 2> "$tmp/err" ||
        fail "$1 after $2 ms: $(cat "$tmp/err")"
    [ ! -e "$tmp/d.$1.kiln-journal" ] || fail "$1 after $2 ms: the journal stays"
    if grep -q "$sid" "$tmp/json"; then
        qemu-img compare -q -f "$1" -F "$1" "$tmp/base.$1" "$tmp/d.$1" ||
            fail "$1 after $2 ms: a mixture"
        before=$((before + 1))
    else
        "$KILN" windows prepare --dry-run "$tmp/d.$1" > "$tmp/out" 2>&1 ||
            fail "$1 after $2 ms: not whole: $(cat "$tmp/out")"
        after=$((after + 1))
    fi
}

cp --sparse=always "$tmp/base" "$tmp/base.raw"
qemu-img convert -O qcow2 "$tmp/base" "$tmp/base.qcow2"
for ms in 010 030 050 070 090 110 130 150 180 220 280 400 900; do
    try raw $ms
    try qcow2 $ms
done
[ $before -gt 3 ] || fail "as before: $before times only"
[ $after -gt 0 ] || fail "never as after"
echo "as before $before times, as after $after times; $finished were finished by the next command"
