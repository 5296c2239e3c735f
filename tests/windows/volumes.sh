#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Real NTFS volumes and event logs: read as libfsntfs and libevtx read them, which are not ours and
# not libntfs-3g; volumes changed in hundreds of ways and judged by ntfsfix, ntfsinfo and them; a
# machine's SID on a volume replaced, so that not one is left and no other is touched.
. "$(dirname "$0")/../lib/functions.sh"

data=${KILN_WINDOWS_DATA:-$(dirname "$0")/../../../shared/data/windows}
[ -f "$data/README.md" ] || { echo "SKIP: no Windows data: set KILN_WINDOWS_DATA" >&2; exit 77; }
PATH=/usr/bin:$PATH:/usr/sbin:/sbin
requires xz --version
requires test -x "$VOLUME"
requires fsntfsinfo -V
requires evtxinfo -V
requires evtxexport -V
requires ntfsinfo --version
requires ntfsfix --version
requires ntfscat --version

tab=$(printf "\t")

# fetch NAME OFFSET SECTORS: the whole disk to $tmp/disk; its volume lies there
fetch() {
    xz -dc "$data/ntfs/$1.raw.xz" > "$tmp/disk"
    offset=$2 sectors=$3
}

# volume: as a file of its own, $tmp/vol
volume() {
    dd if="$tmp/disk" of="$tmp/vol" bs=512 skip="$offset" count="$sectors" status=none
}

# Paths without streams and the volume's own files, as libfsntfs names them.
theirs() {
    volume
    fsntfsinfo -H "$tmp/vol" > "$tmp/said" || fail "fsntfsinfo: $1"
    sed -n 's/^\\\(.\)/\1/p' "$tmp/said" | tr '\\' / | grep -v '^\$\|:' | sort
}

ours() {
    "$VOLUME" list "$tmp/disk" > "$tmp/list" || fail "list: $1"
    grep -v '^\$' "$tmp/list" | sort
}

# agree WHAT: with all of them
agree() {
    theirs "$1" > "$tmp/theirs"
    ours "$1" > "$tmp/ours"
    cmp -s "$tmp/ours" "$tmp/theirs" || fail "$1: names: $(diff "$tmp/ours" "$tmp/theirs")"
    ntfsfix -n "$tmp/vol" > "$tmp/out" 2>&1 || fail "$1: ntfsfix: $(cat "$tmp/out")"
    ntfsinfo -m "$tmp/vol" > "$tmp/out" 2>&1 || fail "$1: ntfsinfo: $(cat "$tmp/out")"
    while read -r path; do
        "$VOLUME" cat "$tmp/disk" "$path" > "$tmp/a" 2> "$tmp/err" || continue # a directory
        ntfscat -f "$tmp/vol" "$path" > "$tmp/b" 2> /dev/null || fail "$1: ntfscat '$path'"
        cmp -s "$tmp/a" "$tmp/b" || fail "$1: content of '$path'"
    done < "$tmp/ours"
}

# edited SEED: what it tells is there, by ntfscat
edited() {
    "$VOLUME" edit "$tmp/disk" "$1" > "$tmp/made" || fail "edits with seed $1"
    agree "after seed $1"
    [ "$(wc -l < "$tmp/made")" -gt 10 ] || fail "too few files are left to look at"
    while IFS=$tab read -r path bytes first; do
        ntfscat -f "$tmp/vol" "$path" 2> /dev/null > "$tmp/b" || fail "ntfscat '$path'"
        is "$bytes" "$(wc -c < "$tmp/b")" "bytes of '$path'"
        is "$first" "$(head -c 1 "$tmp/b" | grep . || echo -)" "content of '$path'"
    done < "$tmp/made"
}

# sids FILE: every S-1-5-21 in it, counted
sids() {
    python3 - "$1" <<'X'
import collections, struct, sys
b, c, at = open(sys.argv[1], 'rb').read(), collections.Counter(), -1
while (at := b.find(bytes.fromhex('00000000000515000000'), at + 1)) >= 0:
    c['-'.join(map(str, struct.unpack_from('<III', b, at + 10)))] += 1
for sid, n in sorted(c.items()):
    print(sid, n)
X
}

# change_sid OLD NEW: the others stay
change_sid() {
    old=$1 new=$2
    sids "$tmp/vol" > "$tmp/sids"
    grep -q "^$old " "$tmp/sids" || fail "S-1-5-21-$old is not there"
    "$VOLUME" sid "$tmp/disk" "S-1-5-21-$old" "S-1-5-21-$new" > "$tmp/out" || fail "its SID"
    volume
    sids "$tmp/vol" > "$tmp/now"
    ! grep -q "^$old " "$tmp/now" || fail "$(grep "^$old " "$tmp/now") are left"
    grep -q "^$new " "$tmp/now" || fail "the new one is nowhere"
    is "$(grep -v "^$old " "$tmp/sids")" "$(grep -v "^$new " "$tmp/now")" "other SIDs"
    agree "after a change of the SID"
}

fetch gpt-ntfs-windows-clean 128 6144
agree "a volume of Windows"
change_sid 1809855135-109975751-379516701 1709855134-209975751-279516701
for seed in 1 2 3; do
    edited $seed
done

fetch ntfs-linux-formatted-windows-dirs 0 70144
agree "a volume of mkntfs"
for seed in 4 5 6; do
    edited $seed
done

# Left by fast startup: it can be looked at, and is not changed.
fetch ntfs-windows-logfile-v2 0 20480
agree "a volume that Windows has not let go of"
cp "$tmp/disk" "$tmp/before"
! "$VOLUME" edit "$tmp/disk" 1 > "$tmp/out" 2>&1 || fail "a volume in use was written"
grep -q 'fast startup' "$tmp/out" || fail "another reason: $(cat "$tmp/out")"
cmp -s "$tmp/disk" "$tmp/before" || fail "changed by what was refused"

# Event logs: version, flags and record ids as libevtx has them; an emptied one has no record.
logs=0
for f in "$data"/evtx/*.xz; do
    xz -dc "$f" > "$tmp/log.evtx"
    "$VOLUME" log "$tmp/log.evtx" "$tmp/empty.evtx" > "$tmp/out" || fail "$f: $(cat "$tmp/out")"
    evtxinfo "$tmp/log.evtx" > "$tmp/said" || fail "$f: evtxinfo"
    is "$(sed -n 's/.*Version[^0-9]*//p' "$tmp/said")" "$(sed -n 's/^version //p' "$tmp/out")" \
        "$f: version"
    dirty=$(grep -c 'Is dirty' "$tmp/said" || true)
    is "$dirty" "$(($(sed -n 's/^flags //p' "$tmp/out") & 1))" "$f: dirty"
    evtxexport "$tmp/log.evtx" > "$tmp/said" 2> /dev/null || fail "$f: evtxexport"
    last=$(sed -n 's/^Event number.*: //p' "$tmp/said" | sort -n | tail -1)
    # The head of a log that was open is older than its events.
    [ "$dirty" = 1 ] || [ "$(sed -n 's/^next //p' "$tmp/out")" -gt "${last:-0}" ] ||
        fail "$f: next is not behind $last"
    evtxinfo "$tmp/empty.evtx" > "$tmp/said" || fail "$f: an emptied one"
    is 0 "$(sed -n 's/.*Number of records[^0-9]*//p' "$tmp/said")" "$f: records of an emptied one"
    ! grep -q 'corrupted' "$tmp/said" || fail "$f: an emptied one is corrupted"
    logs=$((logs + 1))
done
is 3 $logs "event logs"
