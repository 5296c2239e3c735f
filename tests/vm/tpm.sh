#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A machine with a TPM: it is there, it is the same after a stop, and another's when its state is
# gone. With Secure Boot the firmware refuses what nobody signed.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/functions.sh"
requires test -r /usr/share/OVMF/OVMF_VARS_4M.ms.fd
requires swtpm --version

tiny_guest "$tmp/disk"

# boot: starts the machine, prints what the guest says of its TPM, ends it
boot() {
    : >"$tmp/none"
    mkdir -p "$tmp/m"
    rm -f "$tmp/m/console.log"
    drive >&2 <<X
disk vol-1 file $tmp/disk boot
firmware uefi
tpm
memory 256
start
expect RUNNING
console GUEST-READY
powerdown 60000
expect GUEST_DOWN
run pgrep -f -- '[-]-tpmstate dir=$tmp/m/tpm' >$tmp/swtpm
kill
expect EXITED
X
    # It ends because QEMU has: nobody tells it to.
    timeout 30 tail --pid="$(cat "$tmp/swtpm")" -f /dev/null || fail "swtpm runs on without a QEMU"
    grep -a '^GUEST-TPM' "$tmp/m/console.log" | tr -d '\r'
}

first=$(boot)
case $first in "GUEST-TPM 2 "????????????????) ;; *) fail "no TPM: '$first'" ;; esac
is "$first" "$(boot)" "the TPM behind a stop and a start"
rm -r "$tmp/m/tpm"
[ "$first" != "$(boot)" ] || fail "a new TPM has the old one's key"

rm -rf "$tmp/m"
drive <<X
disk vol-1 file $tmp/disk boot
firmware secure
tpm
memory 256
start
expect RUNNING
console Access Denied
kill
expect EXITED
X
