#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The serial line both ways, with a guest that answers in capitals.
. "$(dirname "$0")/lib.sh"
requires python3 --version

id=i-0123456789abcdef0
# longer than the 107 bytes that a socket's address may have
KILN_HOME="$tmp/home/$(printf 'long-%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20)"
export KILN_HOME
dir=$KILN_HOME/instances/$id
mkdir -p "$dir"

run 1 console "$id"; says "does not run on this machine"

awk 'BEGIN { for (i = 0; i < 2000; i++) printf "x"; print "\nlast line" }' >"$dir/console.log"
cat >"$tmp/guest.py" <<'P'
import os, socket, sys
os.chdir(sys.argv[1])
s = socket.socket(socket.AF_UNIX)
s.bind('serial.sock')
s.listen(1)
print('ready', flush=True)
for turn in range(3):
    c, _ = s.accept()
    try:
        c.sendall(b'hello\n')
        while data := c.recv(4096):
            c.sendall(data.upper())
            if b'poweroff' in data:
                break
    except ConnectionError:
        pass # left with Ctrl-]
    c.close()
P
mkfifo "$tmp/told"
python3 "$tmp/guest.py" "$dir" >"$tmp/told" &
guest=$!
exec 9<"$tmp/told"
read -r _ <&9
kill_guest() { kill "$guest" 2>/dev/null || true; }
on_exit kill_guest

# the end of the input does not end it: the answer to the last line still arrives
printf 'poweroff\n' | "$KILN" console "$id" >"$tmp/out"
is POWEROFF "$(tail -n 1 "$tmp/out")" "answer"
grep -q '^last line$' "$tmp/out" || fail "the end of the log is missing"
[ "$(wc -c <"$tmp/out")" -lt 1100 ] || fail "more than the last KiB of the log"

# Ctrl-] in the input leaves, though the guest goes on
printf 'a\035b' | "$KILN" console "$id" >"$tmp/out"

# --no-input reads nothing: the loop's input stays whole
printf 'poweroff\n' | {
    "$KILN" console "$id" --no-input >"$tmp/out" &
    console=$!
    read -r rest
    is poweroff "$rest" "input"
    while ! grep -q hello "$tmp/out"; do kill -0 "$console" || fail "the console ended"; done
    kill "$console"
}
