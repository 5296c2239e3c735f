#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# After generalise the old SID is nowhere on the volume but in free clusters: not in names, not in
# records of deleted files and unused ends, not in $Quota, $UsnJrnl and $LogFile. What is in use is
# told by ntfsclone.
. "$(dirname "$0")/lib.sh"
requires jq --version
requires ntfscat --version
PATH=$PATH:/usr/sbin:/sbin
command -v ntfsclone > /dev/null || { echo "SKIP: no ntfsclone" >&2; exit 77; }

# places: "bytes text8 text16" of the old SID in clusters that are in use
places() {
    rm -f "$tmp/used"
    ntfsclone -q -f -O "$tmp/used" "$tmp/disk" > "$tmp/out" 2>&1 ||
        fail "ntfsclone: $(cat "$tmp/out")"
    /usr/bin/python3 - "$tmp/used" "$hex" "$sid" <<'X'
import sys
b, text = open(sys.argv[1], 'rb').read(), sys.argv[3]
print(*(b.count(x) for x in (bytes.fromhex(sys.argv[2]), text.encode(), text.encode('utf-16le'))))
X
}

# owners INDEX: of $Quota, one "SID-in-hex number" a line, in the index's order
owners() {
    for type in 0x90 0xa0; do
        ntfscat -f -a $type -n "\$$1" "$tmp/disk" '$Extend/$Quota' > "$tmp/q.$type" 2> /dev/null ||
            fail "no $type of \$Quota:\$$1"
    done
    /usr/bin/python3 - "$1" "$tmp/q.0x90" "$tmp/q.0xa0" <<'X'
import struct, sys
which, root, block = sys.argv[1], *(open(f, 'rb').read() for f in sys.argv[2:])
for b, head in ((root, 16), (block, 24)):
    at = head + struct.unpack_from('<I', b, head)[0]
    while True:
        data, size, _, length, key, flags, _ = struct.unpack_from('<HHIHHHH', b, at)
        if flags & 2:
            break
        k, d = b[at + 16:at + 16 + key], b[at + data:at + data + size]
        sid, number = (k, d) if which == 'O' else (d[48:], k)
        print(sid.hex(), struct.unpack('<I', number)[0])
        at += length
X
}

# has PATH, gone PATH
has() {
    ntfscat -f "$tmp/disk" "$1" > "$tmp/file" 2> /dev/null || fail "'$1' is not there"
}

gone() {
    ! ntfscat -f "$tmp/disk" "$1" > /dev/null 2>&1 || fail "'$1' is there"
}

for how in '' --keep-users; do
    disk "$tmp/disk" --size 96M --firmware bare --remains --facts "$tmp/facts"
    sid=$(jq -r .sid "$tmp/facts")
    hex=$(jq -r .sub_hex "$tmp/facts")
    # shellcheck disable=SC2046
    set -- $(places)
    [ "$1" -gt 50 ] && [ "$2" -gt 50 ] && [ "$3" -gt 100 ] || fail "too few places before: $*"
    owners O > "$tmp/owners.before"
    is 6 "$(wc -l < "$tmp/owners.before")" "owners before"
    # shellcheck disable=SC2086
    "$KILN" windows generalise "$tmp/disk" --json $how > "$tmp/doc" 2> "$tmp/err" ||
        fail "generalise $how: $(cat "$tmp/err")"
    is "0 0 0" "$(places)" "places of the old SID ($how)"
    ntfsfix -n "$tmp/disk" > "$tmp/out" 2>&1 || fail "ntfsfix: $(cat "$tmp/out")"
    new=$("$KILN" windows inspect --json "$tmp/disk" | jq -r .identity.machine_sid)
    [ "$new" != "$sid" ] || fail "the SID is the old one"

    has "Windows/System32/GroupPolicyUsers/$new-1000/gpt.ini"
    is content "$(cat "$tmp/file")" "content of a renamed directory"
    gone 'Windows/System32/GroupPolicyUsers/S-1-5-~1/gpt.ini'
    has "ProgramData/App/$new-1000/more/$new.dat"
    for user in Administrator-500 testuser-1000; do
        gone "Users/${user%-*}/AppData/Roaming/Microsoft/Protect/$new-${user#*-}/Preferred"
    done

    # $Quota: the same numbers for the same accounts, $O in order, $Q agrees.
    owners O > "$tmp/owners"
    owners Q | grep -v '^ ' | sort > "$tmp/limits"
    cut -d ' ' -f 1 "$tmp/owners" > "$tmp/order"
    LC_ALL=C sort -c "$tmp/order" || fail "\$O is not sorted"
    is "$(sort "$tmp/owners")" "$(cat "$tmp/limits")" "\$O and \$Q"
    rids() { sed 's/^.*\(........ [0-9]*\)$/\1/' "$1" | sort; }
    is "$(rids "$tmp/owners.before")" "$(rids "$tmp/owners")" "numbers of the owners"
    is true "$(jq '[.rows[].where] | index("$LogFile") != null' "$tmp/doc")" "a row of the journal"

    if [ -n "$how" ]; then
        has Users/testuser/NTUSER.DAT
        is 6 "$("$KILN" windows inspect --json "$tmp/disk" | jq '.users | length')" "users kept"
        is "$new-1000" "$("$KILN" windows inspect --json "$tmp/disk" |
            jq -r '.users[] | select(.rid == 1000) | .sid')" "the SID of a user who is kept"
        grep -q 'their saved passwords, certificates' "$tmp/doc" || fail "what is lost is not said"
    else
        gone Users/testuser/NTUSER.DAT
    fi
done
