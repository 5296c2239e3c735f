#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A guest starts from a volume server, ends by its power button, starts again in the same QEMU,
# restarts itself, is halted hard and is ended. Its disk counts the boots.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/functions.sh"

tiny_guest "$tmp/disk"
serve root "$tmp/disk"
drive << X
disk vol-0123456789abcdef0 nbd $tmp/root.sock boot
start
expect RUNNING
console GUEST-DISK vol0123456789abcdef0
console GUEST-BOOTS 1
console GUEST-READY
powerdown 60000
expect GUEST_DOWN
resume
expect RUNNING
console GUEST-BOOTS 2
console GUEST-READY
type reboot -f
expect GUEST_RESET
console GUEST-BOOTS 3
console GUEST-READY
halt
expect GUEST_DOWN
resume
expect RUNNING
console GUEST-BOOTS 4
console GUEST-READY
powerdown 60000
expect GUEST_DOWN
kill
expect EXITED
quiet 10
X
[ ! -e "$tmp/m/pid" ] || fail "the pid file is left"
[ ! -e "$tmp/m/qmp.sock" ] || fail "a socket is left"
