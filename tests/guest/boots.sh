#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The tiny guest by itself: every other test with a guest relies on what is shown here.
#   a boot leaves a line on the disk, the power button ends it cleanly, the next boot counts on;
#   a command typed on the serial line runs; a record changed from outside is noticed.
# Exit status: 0 good, 77 skipped, anything else bad.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
command -v qemu-system-x86_64 >/dev/null || { echo 'skipped: no qemu-system-x86_64'; exit 77; }
T=$(mktemp -d)
qemu=
trap '[ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true; rm -rf "$T"' EXIT
trap 'exit 1' INT TERM

fail()
{
    echo "not ok - $*"
    exit 1
}

# wait_for PATTERN: reads the serial line up to the line that matches, and keeps it in $line
wait_for()
{
    while IFS= read -r line <&3; do
        printf '# %s\n' "$line"
        case $line in *$1*) return 0 ;; esac
    done
    fail "the guest ended before it said '$1'"
}

start_guest()
{
    timeout 120 qemu-system-x86_64 -accel tcg,tb-size=64 -M q35 -m 128 -nodefaults -display none \
        -no-reboot -drive "if=none,id=d0,format=raw,file=$T/disk" \
        -device nvme,drive=d0,serial=vol00000000000000001 \
        -qmp "pipe:$T/qmp" -serial "pipe:$T/tty" 4>&- 5>&- &
    qemu=$!
    exec 3<"$T/tty.out" 4>"$T/tty.in" 5>"$T/qmp.in"
    cat "$T/qmp.out" >"$T/qmp.log" &
    echo '{"execute":"qmp_capabilities"}' >&5
}

stop_guest()
{
    echo '{"execute":"system_powerdown"}' >&5
    wait_for GUEST-POWERBUTTON
    wait "$qemu" || fail "qemu ended with status $?"
    qemu=
    exec 3<&- 4>&- 5>&-
}

"$here/../../tools/tiny-guest" "$T/disk"
mkfifo "$T/tty.in" "$T/tty.out" "$T/qmp.in" "$T/qmp.out"

start_guest
wait_for 'GUEST-DISK vol00000000000000001 1073741824'
wait_for 'GUEST-BOOTS 1'
wait_for GUEST-READY
stop_guest
echo 'ok - the first boot counts one, and the power button ends it'

start_guest
wait_for 'GUEST-HISTORY 1 '
wait_for 'GUEST-BOOTS 2'
wait_for GUEST-READY
# shellcheck disable=SC2016
printf 'sed -i s/vol/VOL/ /disk/boots; echo "typed" "$((6 * 7))"\n' >&4
wait_for 'typed 42'
stop_guest
echo 'ok - the second boot finds what the first one wrote, and runs what is typed'

start_guest
wait_for 'GUEST-BROKEN /boots'
wait_for 'GUEST-BOOTS 3'
wait_for GUEST-READY
stop_guest
echo 'ok - a record that was changed behind its back is noticed'
