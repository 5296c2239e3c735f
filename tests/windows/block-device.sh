#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A block device is changed whole or not at all, too: kill -9 at many moments; the journal lies
# below KILN_HOME or where --journal says, and is found although the device has another name. As
# root.
. "$(dirname "$0")/lib.sh"
requires jq --version
requires timeout --version
[ "$(id -u)" -eq 0 ] || { echo "SKIP: loop devices are for root" >&2; exit 77; }
PATH=$PATH:/usr/sbin:/sbin
command -v losetup > /dev/null || { echo "SKIP: no losetup" >&2; exit 77; }

disk "$tmp/base" --size 64M --firmware bare --facts "$tmp/facts"
sid=$(jq -r .sid "$tmp/facts")
KILN_HOME=$tmp/home
export KILN_HOME
loop='' other='' before=0 after=0 finished=0

attach() {
    loop=$(losetup -f --show "$tmp/d" 2> "$tmp/err") ||
        { echo "SKIP: no loop device: $(cat "$tmp/err")" >&2; exit 77; }
}

detach() {
    for l in $loop $other; do
        losetup -d "$l"
    done
    loop='' other=''
}
on_exit detach

journals() {
    find "$tmp/home" "$tmp/mine" -name '*.kiln-journal' 2> /dev/null | wc -l
}

# killed_after MILLISECONDS: the worker, with the journal in a place of its own
killed_after() {
    printf '{"action": "generalise", "disks": [{"path": "%s", "format": "raw", "journal": "%s"}]}' \
        "$loop" "$tmp/mine/x.kiln-journal" > "$tmp/request"
    timeout --foreground -s KILL "0.$1" "$KILN_BUILD/kiln-worker" windows --request "$tmp/request" \
        > "$tmp/out" 2>&1 || true
}

# killed_in_commit: the worker of the command, when its journal has appeared below KILN_HOME
killed_in_commit() {
    "$KILN" windows generalise "$loop" > "$tmp/out" 2>&1 &
    # Without a process of its own: the moment is short.
    until set -- "$KILN_HOME"/journals/*.kiln-journal && [ -e "$1" ]; do
        kill -0 $! 2> /dev/null || break
    done
    { read -r worker < /proc/$!/task/$!/children; } 2> /dev/null || worker=
    kill -KILL $worker 2> /dev/null || true
    wait $! || true
}

# try HOW [ARGUMENT [JOURNAL]]: afterwards the device has another name, and is whole
try() {
    cp --sparse=always "$tmp/base" "$tmp/d"
    attach
    "$1" $2
    losetup -d "$loop"
    while losetup "$loop" > /dev/null 2>&1; do :; done
    loop=''
    [ "$(journals)" -eq 0 ] || finished=$((finished + 1))
    other=$(losetup -f --show "$tmp/base") # takes the name that the device had
    attach
    "$KILN" windows inspect --json "$loop" ${3:+--journal "$3"} > "$tmp/json" 2> "$tmp/err" ||
        fail "$1 $2: $(cat "$tmp/err")"
    is 0 "$(journals)" "journals after $1 $2"
    detach
    if grep -q "$sid" "$tmp/json"; then
        cmp -s "$tmp/base" "$tmp/d" || fail "$1 $2: a mixture"
        before=$((before + 1))
    else
        "$KILN" windows prepare --dry-run "$tmp/d" > "$tmp/out" 2>&1 ||
            fail "$1 $2: not whole: $(cat "$tmp/out")"
        after=$((after + 1))
    fi
}

mkdir "$tmp/mine"
for ms in 002 005 010 015 020 030 035 040 045 050 055 060 065 070 080 090 100 120 160 300 900; do
    try killed_after $ms "$tmp/mine/x.kiln-journal"
done
i=0
while [ $i -lt 6 ] || { [ $finished -eq 0 ] && [ $i -lt 60 ]; }; do
    try killed_in_commit ''
    i=$((i + 1))
done
[ $before -gt 3 ] || fail "as before: $before times only"
[ $after -gt 3 ] || fail "as after: $after times only"
[ $finished -gt 0 ] || fail "no journal was there to be finished"
echo "as before $before times, as after $after times; $finished were finished by the next command"

# Refused as a file is.
cp --sparse=always "$tmp/base" "$tmp/d"
"$KILN" windows generalise "$tmp/d" > /dev/null
attach
"$KILN" windows clean "$loop" > "$tmp/out" 2>&1 && fail "a sealed image was cleaned"
grep -q 'sealed already' "$tmp/out" || fail "another reason: $(cat "$tmp/out")"

# In use: refused.
/usr/bin/python3 -c '
import os, subprocess, sys
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL)
sys.exit(subprocess.run(sys.argv[2:]).returncode)' "$loop" "$KILN" windows prepare "$loop" \
    > "$tmp/out" 2>&1 && fail "a device that is in use was changed"
grep -q 'it is in use' "$tmp/out" || fail "another reason: $(cat "$tmp/out")"

# A request without a journal changes no device; a file needs none.
printf '{"action":"prepare","disks":[{"path":"%s","format":"raw"}]}' "$loop" > "$tmp/request"
"$KILN_BUILD/kiln-worker" windows --request "$tmp/request" > "$tmp/out" 2>&1 && fail "no journal"
grep -q "must name a 'journal'" "$tmp/out" || fail "another reason: $(cat "$tmp/out")"
"$KILN" windows prepare "$tmp/d" --journal "$tmp/x" > "$tmp/out" 2>&1 && fail "a file's journal"
grep -q 'for block devices' "$tmp/out" || fail "another reason: $(cat "$tmp/out")"
