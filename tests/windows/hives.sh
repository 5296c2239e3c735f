#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Real hives: read as libhivex reads them, replayed as Windows replayed them, edited so that three
# independent readers agree, and a machine's SID replaced so that not one is left.
. "$(dirname "$0")/../lib/functions.sh"

data=${KILN_WINDOWS_DATA:-$(dirname "$0")/../../../shared/data/windows}
[ -f "$data/README.md" ] || { echo "SKIP: no Windows data: set KILN_WINDOWS_DATA" >&2; exit 77; }
requires xz --version
requires test -x "$HIVEX_DUMP"
command -v reged > /dev/null || { echo "SKIP: no reged (package chntpw)" >&2; exit 77; }
requires regfinfo -V

hives="win10-1709-desktop/SYSTEM win10-1709-desktop/UsrClass.dat win10-1903-desktop/SYSTEM
    win10-1903-desktop/NTUSER.DAT win10-1903-desktop/ntuser_software_partial
    win7sp1-domain/SYSTEM win7sp1-domain/NTUSER.DAT win8-sam-security/SAM
    win8-sam-security/SECURITY single/SAM-aes-server2016 single/SAM-rc4-win7
    single/SECURITY-win10-workgroup single/BCD-uefi-win10 single/BCD-Template
    logreplay/NewDirtyHive1/NewDirtyHive logreplay/OldDirtyHive/OldDirtyHive"

# fetch NAME: unpacked, with what lies beside it, to $tmp/d/NAME
fetch() {
    mkdir -p "$tmp/d/$(dirname "$1")"
    for f in "$data/$1".xz "$data/$1".LOG1.xz "$data/$1".LOG2.xz; do
        [ ! -f "$f" ] || xz -dc "$f" > "$tmp/d/$(dirname "$1")/$(basename "$f" .xz)"
    done
}

# value NAME: of the lines that "hive info" or "hive sid" left in $tmp/out
value() {
    sed -n "s/^$1 //p" "$tmp/out"
}

# same_as_hivex FILE WHAT: a hive without logs
same_as_hivex() {
    "$HIVE" dump "$1" > "$tmp/ours" && "$HIVEX_DUMP" "$1" > "$tmp/theirs" ||
        fail "$2: cannot be read"
    cmp -s "$tmp/ours" "$tmp/theirs" || fail "$2: libhivex reads something else"
}

# Every key and value of every hive, after its logs, as libhivex reads the outcome.
for h in $hives; do
    fetch "$h"
    "$HIVE" replay "$tmp/d/$h" "$tmp/replayed" 2> "$tmp/err" || {
        grep -q 'not clean' "$tmp/err" || fail "$h: $(cat "$tmp/err")"
        cp "$tmp/d/$h" "$tmp/replayed" # dirty without logs: to look at only
    }
    same_as_hivex "$tmp/replayed" "$h"
done

# Known numbers after replay.
"$HIVE" info "$tmp/d/win10-1709-desktop/SYSTEM" > "$tmp/out"
is "24 35595 78901" "$(value entries) $(value keys) $(value values)" "SYSTEM of 1709 after its logs"
"$HIVE" info "$tmp/d/win10-1709-desktop/UsrClass.dat" > "$tmp/out"
is "14 6238 12531" "$(value entries) $(value keys) $(value values)" "UsrClass after its logs"
"$HIVE" info "$tmp/d/win10-1903-desktop/NTUSER.DAT" > "$tmp/out"
is "22 3105 4695" "$(value entries) $(value keys) $(value values)" "NTUSER after its logs"

# Byte for byte what Windows made of the same files: but for sequence numbers (new form); for the
# base block and the time stamp of the first bin (old form: of its ten bytes, and one at 441801).
fetch logreplay/NewDirtyHive1/RecoveredHive_Windows10
fetch logreplay/OldDirtyHive/RecoveredHive_Windows7
r=$tmp/d/logreplay
"$HIVE" replay "$r/NewDirtyHive1/NewDirtyHive" "$tmp/replayed"
head -c "$(wc -c < "$tmp/replayed")" "$r/NewDirtyHive1/RecoveredHive_Windows10" > "$tmp/windows"
is "5 9" "$(cmp -l "$tmp/replayed" "$tmp/windows" | awk '{ printf "%s%s", s, $1; s = " " }')" \
    "bytes that differ from Windows 10's replay"
"$HIVE" replay "$r/OldDirtyHive/OldDirtyHive" "$tmp/replayed"
head -c "$(wc -c < "$tmp/replayed")" "$r/OldDirtyHive/RecoveredHive_Windows7" > "$tmp/windows"
is "4117 4118 4119 4120 4121 441801" \
    "$(cmp -l "$tmp/replayed" "$tmp/windows" | awk '$1 > 4096 { printf "%s%s", s, $1; s = " " }')" \
    "bytes that differ from Windows 7's replay"

# A truncated hive, and one that is dirty without its logs, are refused.
fetch single/SYSTEM-corrupt
! "$HIVE" info "$tmp/d/single/SYSTEM-corrupt" > /dev/null 2>&1 || fail "a damaged hive was opened"
! "$HIVE" replay "$tmp/d/win10-1903-desktop/SYSTEM" "$tmp/x" 2> "$tmp/err" ||
    fail "a dirty hive was opened"
grep -q 'not clean (4317/4316)' "$tmp/err" || fail "another reason: $(cat "$tmp/err")"

# Hundreds of random edits each; then three others read it.
for h in $hives; do
    "$HIVE" edit "$tmp/d/$h" "$tmp/edited" 7 400 || fail "$h: edits"
    same_as_hivex "$tmp/edited" "$h, edited"
    regfinfo "$tmp/edited" > /dev/null 2> "$tmp/err" || fail "$h: regfinfo: $(cat "$tmp/err")"
    reged -x "$tmp/edited" X '\' "$tmp/x.reg" > "$tmp/reged" 2>&1 < /dev/null ||
        fail "$h: reged: $(tail -1 "$tmp/reged")"
done

# change_sid NAME SID: afterwards no A-B-C is left as bytes or as text; what else is there stays.
change_sid() {
    "$HIVE" sid "$tmp/d/$1" "$tmp/changed" "$2" new > "$tmp/out" || fail "$1: change of the SID"
    new=$(value sid)
    python3 - "$tmp/changed" "$2" "$new" <<'X' || fail "$1: the old SID is still there"
import struct
import sys
data = open(sys.argv[1], 'rb').read()
old, new = ([s.split('-', 4)[4], struct.pack('<III', *map(int, s.split('-')[4:]))]
            for s in sys.argv[2:])
for forms in (old, new):
    forms[1:1] = [forms[0].encode(), forms[0].encode('utf-16le')]
left = sum(data.count(f) for f in old[1:])
there = sum(data.count(f) for f in new[1:])
sys.exit(left != 0 or there == 0)
X
    same_as_hivex "$tmp/changed" "$1 with another SID"
    # the tree has the same shape, but for the new SID in names
    "$HIVE" replay "$tmp/d/$1" "$tmp/replayed" 2> /dev/null || cp "$tmp/d/$1" "$tmp/replayed"
    is "$("$HIVEX_DUMP" "$tmp/replayed" | wc -l)" "$("$HIVEX_DUMP" "$tmp/changed" | wc -l)" \
        "$1: lines of its dump"
}

count() {
    python3 -c 'import struct, sys
print(open(sys.argv[1], "rb").read().count(struct.pack("<III", *map(int, sys.argv[2:]))))' "$@"
}

change_sid win10-1709-desktop/SYSTEM S-1-5-21-2734969515-1644526556-1039763013
is "3 72 426 1" "$(value key_names) $(value value_names) $(value data) $(value security)" \
    "places of the SID"
change_sid win10-1709-desktop/UsrClass.dat S-1-5-21-2734969515-1644526556-1039763013
change_sid win10-1903-desktop/NTUSER.DAT S-1-5-21-2595688666-2948619230-3055395256
change_sid single/SAM-aes-server2016 S-1-5-21-411602670-3944905364-1007076877
change_sid single/SAM-rc4-win7 S-1-5-21-1760460187-1592185332-161725925
change_sid win8-sam-security/SAM S-1-5-21-3064465268-1549819264-574340205
change_sid win8-sam-security/SECURITY S-1-5-21-3064465268-1549819264-574340205
change_sid win10-1903-desktop/SYSTEM S-1-5-21-2595688666-2948619230-3055395256
is "$(count "$tmp/d/win10-1903-desktop/SYSTEM" 397955417 626881126 188441444)" \
    "$(count "$tmp/changed" 397955417 626881126 188441444)" "Microsoft's constant"
"$HIVE" users "$tmp/d/win8-sam-security/SAM" | grep -q 727398572 || fail "no foreign member at all"
"$HIVE" sid "$tmp/d/win8-sam-security/SAM" "$tmp/changed" \
    S-1-5-21-3064465268-1549819264-574340205 S-1-5-21-1-22-333 > /dev/null
"$HIVE" users "$tmp/changed" > "$tmp/out"
grep -q '^Administrators: S-1-5-21-1-22-333-500$' "$tmp/out" || fail "the Administrator's new SID"
grep -q '^Administrators: S-1-5-21-727398572-' "$tmp/out" || fail "a domain's SID was changed"
