#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The same disk boots by UEFI, with the machine's own copy of the firmware's variables.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/functions.sh"
requires test -r /usr/share/OVMF/OVMF_CODE_4M.fd

tiny_guest "$tmp/disk"
drive << X
disk vol-1 file $tmp/disk boot
firmware uefi
memory 256
start
expect RUNNING
console GUEST-READY
powerdown 60000
expect GUEST_DOWN
kill
expect EXITED
X
[ -s "$tmp/m/vars.fd" ] || fail "no variables of its own"
