#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What happens to a guest that ignores its power button, to a QEMU that is killed, and to one that
# cannot start.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/functions.sh"

stubborn_guest "$tmp/disk"
drive << X
disk vol-1 file $tmp/disk boot
start
expect RUNNING
console STUBBORN
powerdown 3000
quiet 1500
expect GUEST_DOWN did not power off in time
resume
expect RUNNING
console STUBBORN
refused resume its guest runs
run read pid rest < $tmp/m/pid; kill -KILL \$pid
expect EXITED QEMU of 'i-0123456789abcdef0' was killed by signal 9
X
drive << X
disk vol-1 file $tmp/absent boot
start
expect EXITED Could not open '$tmp/absent': No such file or directory
X
printf '#!/bin/sh\nexec sleep 300\n' > "$tmp/qemu"
chmod +x "$tmp/qemu"
drive << X
qemu $tmp/qemu
disk vol-1 file $tmp/disk boot
start
quiet 100
kill
expect EXITED
X
