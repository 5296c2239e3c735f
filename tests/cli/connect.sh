#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Ports of guests on this machine, with a stand-in for kilnd's half that hands out sockets.
. "$(dirname "$0")/lib.sh"
requires python3 --version
requires jq --version
start_api

truncate -s 1M "$tmp/disk.raw"
run 0 import "$tmp/disk.raw" --name base --platform linux --no-wait --json
ami=$(field .import.image)
tell "imported $ami"
id=$("$KILN" launch base --name web)

# nobody there: the sentence says why
run 1 connect web --port 7; says "they are on QEMU's user network"
run 1 connect "$id" --port 7 --stdio; says "they are on QEMU's user network"
run 2 connect web; says "needs --port PORT"
run 2 connect web --port 70000; says "--port takes a number"
run 2 connect web --port 7 --stdio --local 8000; says "goes with neither"
run 1 connect nothing --port 7; says "no instance has the id or the name 'nothing'"

mkdir "$KILN_HOME/run"
mkfifo "$tmp/said"
python3 "$(dirname "$0")/connector.py" "$KILN_HOME/run" >"$tmp/said" &
connector=$!
kill_connector() { kill "$connector" 2>/dev/null || true; }
on_exit kill_connector
exec 7<"$tmp/said"
read -r said <&7
is ready "$said" "the stand-in"
cat <&7 >/dev/null &

# standard input and output: both ways, to the last byte, and the end of the input goes through
head -c 3000000 /dev/urandom >"$tmp/data"
"$KILN" connect web --port 7 --stdio <"$tmp/data" >"$tmp/back"
cmp "$tmp/data" "$tmp/back" || fail "what came back is not what went in"
# shellcheck disable=SC2002
cat "$tmp/data" | "$KILN" connect web --port 7 --stdio | cmp - "$tmp/data" || fail "through pipes"
is 3000000 "$("$KILN" connect "$id" --port 9 --stdio <"$tmp/data")" "bytes until the end"

# the guest may end its side first: the output ends, the input still arrives
mkfifo "$tmp/in"
"$KILN" connect "$id" --port 13 --stdio <"$tmp/in" >"$tmp/out13" &
half=$!
exec 6>"$tmp/in"
while [ ! -s "$tmp/out13" ]; do kill -0 "$half" || fail "it ended with the guest's side"; done
echo later >&6
exec 6>&-
wait "$half"
is first "$(cat "$tmp/out13")" "what the guest said"
while [ ! -e "$KILN_HOME/run/got" ]; do kill -0 "$connector"; done
is later "$(cat "$KILN_HOME/run/got")" "what arrived behind the guest's end"

# a reader that leaves ends it
is xxx "$("$KILN" connect web --port 19 --stdio </dev/zero | head -c 3)" "the beginning of a flood"

# refusals: of kilnd, of the guest, no answer
run 1 connect web --port 8 --stdio; says "kiln: nobody has the address 10.0.0.9 in 'vpc-1'"
run 1 connect web --port 22 --stdio; says "nothing listens on port 22 of '$id'"
run 1 connect web --port 99 --stdio; says "kilnd went away without an answer"

# a command gets the port, its status is the verb's
cat >"$tmp/client.py" <<'P'
import socket, sys, threading
port, many = int(sys.argv[1]), int(sys.argv[2])
def talk(i):
    with socket.create_connection(('127.0.0.1', port)) as s:
        text = (b'%d' % i) * 20000
        threading.Thread(target=lambda: (s.sendall(text), s.shutdown(socket.SHUT_WR))).start()
        got = b''
        while data := s.recv(65536):
            got += data
        right.append(got == text)
right = []
threads = [threading.Thread(target=talk, args=(i,)) for i in range(many)]
[t.start() for t in threads]
[t.join() for t in threads]
print(right.count(True))
P
is 250 "$("$KILN" connect web --port 7 --command python3 "$tmp/client.py" '{port}' 250)" \
    "connections at once, more than fit"
run 7 connect web --port 7 --command sh -c 'exit 7' --port
run 143 connect web --port 7 --command sh -c 'kill $$'
run 1 connect web --port 7 --command "$tmp/none"; says "run '$tmp/none'"
run 2 connect web --port 7 --command=ls; says "takes the words behind it"

# what a command sent before it ended arrives, though the guest does not end its side
cat >"$tmp/send.py" <<'P'
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
s.sendall(b'last words')
P
rm "$KILN_HOME/run/got"
run 0 connect web --port 13 --command python3 "$tmp/send.py" '{port}'
while [ ! -e "$KILN_HOME/run/got" ]; do kill -0 "$connector"; done
is "last words" "$(cat "$KILN_HOME/run/got")" "words of a command that has ended"

# a listener: the port is printed, a failed connection is told and reset
mkfifo "$tmp/where"
"$KILN" connect web --port 22 >"$tmp/where" 2>"$tmp/err" &
listener=$!
kill_listener() { kill "$listener" 2>/dev/null || true; }
on_exit kill_listener
read -r where <"$tmp/where"
local=${where#127.0.0.1:}
is reset "$(python3 - "$local" <<'P'
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
try:
    print('end' if not s.recv(1) else 'data')
except ConnectionResetError:
    print('reset')
P
)" "a connection that did not come about"
err=$(cat "$tmp/err"); says "nothing listens on port 22"
run 1 connect web --port 7 --local "$local"; says "listen on 127.0.0.1 port $local: "
kill -0 "$listener" || fail "one failed connection ended the listener"
kill "$listener"

# kilnd's user only
chmod 700 "$KILN_HOME/run"
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
chmod 755 "$tmp" "$KILN_HOME"
chmod 644 "$KILN_HOME/credentials"
if [ "$(id -u)" = 0 ] && as_nobody "$KILN" --version >/dev/null 2>&1; then
    set +e
    as_nobody "$KILN" connect "$id" --port 7 --stdio 2>"$tmp/err"
    is 1 $? "status of the unprivileged"
    set -e
    err=$(cat "$tmp/err"); says "use sudo, or join the group with 'sudo adduser"
fi

# kilnd has ended; the instance has ended
kill "$connector"
wait "$connector" || true
run 3 connect "$id" --port 7 --stdio; says "kilnd has ended"
run 0 terminate web
run 1 connect "$id" --port 7; says "is 'shutting-down'"
