#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The daemon dies by SIGKILL; the guest goes on, the next daemon takes it over and may do
# everything with it. Also when the death came before the pid file was written.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/functions.sh"

stubborn_guest "$tmp/disk"
truncate -s 4M "$tmp/more"
drive << X || true
disk vol-1 file $tmp/disk boot
start
expect RUNNING
console STUBBORN
run kill -KILL \$PPID
X
read -r qemu _ < "$tmp/m/pid"
[ -d "/proc/$qemu" ] || fail "QEMU died with its daemon"
drive << X
refused start runs already
adopt
expect RUNNING
halt
expect GUEST_DOWN
forget
X
rm "$tmp/m/pid"
drive << X
adopt
expect GUEST_DOWN
resume
expect RUNNING
attach vol-2 file $tmp/more
forget
adopt
detach vol-2 force
expect RUNNING
expect DISK_GONE vol-2
attach vol-3 file $tmp/more
kill
expect EXITED
refused adopt no QEMU runs
X
case $(cat "/proc/$qemu/stat" 2> /dev/null) in '' | *') Z '*) ;; *) fail "QEMU lives" ;; esac
[ ! -e "$tmp/m/vnc.sock" ] || fail "a socket is left"
