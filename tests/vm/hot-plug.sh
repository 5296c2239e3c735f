#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Disks come and go under a running guest; a forced detach needs no help of the guest; a restarted
# volume server costs a pause and no data.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/functions.sh"

tiny_guest "$tmp/disk"
truncate -s 20M "$tmp/two"
truncate -s 24M "$tmp/three"
serve root "$tmp/disk"
serve two "$tmp/two"
two=$pid
drive << X
disk vol-0000000000000001a nbd $tmp/root.sock boot
start
expect RUNNING
console GUEST-READY
attach vol-0000000000000002b nbd $tmp/two.sock
console GUEST-DISK vol0000000000000002b 20971520
attach vol-0000000000000002b nbd $tmp/two.sock
attach ephemeral0 file $tmp/three
console GUEST-DISK ephemeral0 25165824

# the server dies and comes back; the guest's write waits for it
run kill -KILL $two
type echo still-here | dd of=/dev/nvme1n1 bs=512 conv=sync oflag=direct && echo WRITE-\$((6 * 7))
quiet 300
run rm $tmp/two.sock $tmp/two.pid
run nbdkit -U $tmp/two.sock -P $tmp/two.pid file $tmp/two </dev/null >/dev/null 2>&1
console WRITE-42
run grep -q still-here $tmp/two

detach vol-0000000000000002b
expect DISK_GONE vol-0000000000000002b
console GUEST-DISK-GONE nvme1n1
attach vol-0000000000000002b nbd $tmp/two.sock
console GUEST-DISK vol0000000000000002b
detach vol-0000000000000002b
expect DISK_GONE vol-0000000000000002b
run kill \$(cat $tmp/two.pid)

# what a server answers with an error is told
run nbdkit -U $tmp/bad.sock -P $tmp/bad.pid --filter=error memory 8M error-rate=1 </dev/null
attach vol-bad nbd $tmp/bad.sock
console GUEST-DISK volbad
expect DISK_ERROR vol-bad
detach vol-bad
expect DISK_GONE vol-bad
run kill \$(cat $tmp/bad.pid)
powerdown 60000
expect GUEST_DOWN
kill
expect EXITED
X

# A guest that does not listen: asking is all that an ordinary detach can do.
stubborn_guest "$tmp/disk2"
drive << X
disk vol-1 file $tmp/disk2 boot
start
expect RUNNING
console STUBBORN
attach vol-2 file $tmp/three
detach vol-2
quiet 200
detach vol-2 force
expect DISK_GONE vol-2
failing attach vol-2 file $tmp/three has not let go of disk 'vol-2'
attach vol-3 file $tmp/three
detach vol-3 force
expect DISK_GONE vol-3
kill
expect EXITED
X
