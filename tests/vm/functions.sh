# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced after ../lib/functions.sh by the tests of the vm room.
#   drive < SCRIPT        runs drive-vm (see its head) on the machine in $tmp/m
#   tiny_guest FILE       puts the bootable tiny guest there; skips when it cannot be built here
#   stubborn_guest FILE   a boot sector that says STUBBORN and hears no power button
#   serve NAME FILE       an NBD server for FILE at $tmp/NAME.sock, pid in $pid
: "${DRIVE_VM:?path of drive-vm}" "${TINY_GUEST:?path of tools/tiny-guest}"
requires qemu-system-x86_64 --version

servers=
vm_end() {
    for p in $servers $(cat "$tmp"/*.pid 2> /dev/null); do
        kill -KILL "$p" 2> /dev/null
    done
    # What a failed test leaves behind: the process that the pid file names, if it is QEMU.
    if [ -s "$tmp/m/pid" ] && read -r p _ < "$tmp/m/pid"; then
        case $(cat "/proc/$p/comm" 2> /dev/null) in qemu*) kill -KILL "$p" ;; esac
    fi
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
        for log in qemu.log console.log; do
            [ -s "$tmp/m/$log" ] && tail -n 30 "$tmp/m/$log" | sed "s|^|$log: |" >&2
        done
    fi
}
on_exit vm_end

drive() {
    "$DRIVE_VM" "$tmp/m"
}

tiny_guest() {
    "$TINY_GUEST" "$1" > "$tmp/tiny.out" 2>&1 || {
        cat "$tmp/tiny.out"
        echo "SKIP: the tiny guest cannot be built here"
        exit 77
    }
}

stubborn_guest() {
    {
        printf '\372\061\300\216\330\276\026\174\272\370\003' # the string, COM1
        printf '\254\204\300\164\003\356\353\370\364\353\375' # all of it, then halt for ever
        printf 'STUBBORN\n'
    } > "$1"
    printf '\125\252' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
    truncate -s 1M "$1"
}

serve() {
    requires nbdkit --version
    rm -f "$tmp/$1.sock"
    # Its pid file is a pipe: what comes out of it is the event that it listens, or has ended.
    mkfifo "$tmp/$1.up"
    exec 8<> "$tmp/$1.up"
    {
        nbdkit -f -U "$tmp/$1.sock" -P "$tmp/$1.up" file "$2" < /dev/null > "$tmp/$1.log" 2>&1 ||
            echo ended >&8
    } &
    read -r pid <&8
    [ "$pid" != ended ] || fail "no NBD server: $(cat "$tmp/$1.log")"
    echo "$pid" > "$tmp/$1.pid"
    servers="$servers $pid"
}
