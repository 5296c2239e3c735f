#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A volume server that accepts and says nothing would freeze the whole guest: it is found out within
# three seconds, for a start before QEMU runs and for a hot plug before QEMU hears of it.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/functions.sh"
requires socat -V

stubborn_guest "$tmp/disk"
socat "UNIX-LISTEN:$tmp/silent.sock,fork" EXEC:'sleep 300' &
servers=$!
while [ ! -S "$tmp/silent.sock" ]; do
    kill -0 "$servers"
done
printf '#!/bin/sh\ntouch %s/started\n' "$tmp" > "$tmp/qemu"
chmod +x "$tmp/qemu"

silent="disk 'vol-1' of 'i-0123456789abcdef0': the server at '$tmp/silent.sock'"
begun=$(date +%s%N)
drive << X
qemu $tmp/qemu
disk vol-1 nbd $tmp/silent.sock boot
start
expect EXITED $silent did not answer within 2000 ms
X
took=$((($(date +%s%N) - begun) / 1000000))
[ "$took" -lt 3000 ] || fail "it took $took ms"
[ ! -e "$tmp/started" ] || fail "QEMU was started"

drive << X
disk vol-1 nbd $tmp/absent.sock boot
refused start connect to '$tmp/absent.sock'
X
drive << X
disk vol-1 file $tmp/disk boot
start
expect RUNNING
failing attach vol-2 nbd $tmp/silent.sock did not answer within 2000 ms
failing attach vol-2 nbd $tmp/absent.sock connect to
halt
expect GUEST_DOWN
kill
expect EXITED
X
