#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A SOFTWARE of 200 MB, half of it in 100,000 keys, the rest in values of 1 MiB that name the
# machine's SID: looked at and generalised by processes of less than 256 MB.
. "$(dirname "$0")/lib.sh"
requires mkntfs --version
requires ntfscat --version
requires jq --version
requires test -x "$KILN_BUILD/tests/windows/fat-hive"
: "${HIVE:?path of hive}"

hive=Windows/System32/config/SOFTWARE
most=256000 # KiB

# measured ACTION ARGUMENT...: its document in $tmp/doc; how much memory its largest process had
measured() {
    python3 - "$tmp/peak" "$KILN" windows "$@" > "$tmp/doc" 2> "$tmp/err" <<'X' ||
import os
import sys
pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
_, status, used = os.wait4(pid, 0)  # of those that it waited for, too
with open(sys.argv[1], 'w') as f:
    print(used.ru_maxrss, file=f)
sys.exit(os.waitstatus_to_exitcode(status) != 0)
X
        fail "kiln windows $*: $(cat "$tmp/err")"
    peak=$(cat "$tmp/peak")
    echo "$1: $peak KiB"
    [ "$peak" -gt $((bytes / 1024)) ] || fail "$1: less than the hive has; what was measured?"
    [ "$peak" -lt "$most" ] || fail "$1 took $peak KiB"
}

disk "$tmp/disk" --size 640M --firmware bare --software 100 --facts "$tmp/facts"
sid=$(jq -r .sid "$tmp/facts")
ntfscat -f "$tmp/disk" $hive > "$tmp/SOFTWARE"
"$HIVE" grow "$tmp/SOFTWARE" "$tmp/grown" 104 "$sid" || fail "the hive does not grow"
ntfscp -f "$tmp/disk" "$tmp/grown" $hive > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
bytes=$(wc -c < "$tmp/grown")
[ "$bytes" -ge 200000000 ] || fail "the hive has only $bytes bytes"
rm "$tmp/SOFTWARE" "$tmp/grown"

measured inspect "$tmp/disk" --json
is "$sid" "$(jq -r .identity.machine_sid "$tmp/doc")" "the machine's SID"
is "$bytes" "$(jq '[.hives[] | select(.path | endswith("SOFTWARE"))][0].bytes' "$tmp/doc")" \
    "bytes of the hive"

measured generalise "$tmp/disk" --json
is true "$(jq .committed "$tmp/doc")" committed
ntfscat -f "$tmp/disk" $hive > "$tmp/SOFTWARE"
hex=$(jq -r .sub_hex "$tmp/facts")
is 0 "$(count_hex "$tmp/SOFTWARE" "$hex")" "the old SID in SOFTWARE, as bytes"
is 0 "$(grep -acF -- "$sid" "$tmp/SOFTWARE")" "the old SID in SOFTWARE, as text"
ntfsfix -n "$tmp/disk" > "$tmp/out" 2>&1 || fail "ntfsfix: $(cat "$tmp/out")"
