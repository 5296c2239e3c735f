#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Passwords that were set on a disk, read back by impacket from its SYSTEM and SAM, in both forms
# that Windows has had; and no secret is left on the disk as clear text, not even where a file was.
. "$(dirname "$0")/lib.sh"
requires jq --version
requires ntfscat --version
requires /usr/bin/python3 -c 'import Cryptodome'
PATH=/usr/bin:$PATH
requires impacket-secretsdump -h

get() {
    ntfscat -f "$tmp/disk" "Windows/System32/config/$1" > "$tmp/$1" 2> /dev/null ||
        fail "$1 is not on the volume"
}

# hashes: what impacket makes of the disk, as lines "RID HASH"
hashes() {
    get SYSTEM
    get SAM
    impacket-secretsdump -sam "$tmp/SAM" -system "$tmp/SYSTEM" LOCAL > "$tmp/dump" 2>&1 ||
        fail "secretsdump: $(tail -3 "$tmp/dump")"
    sed -n 's/^[^:]*:\([0-9]*\):[0-9a-f]*:\([0-9a-f]\{32\}\):.*/\1 \2/p' "$tmp/dump" | sort -n
}

hash_of() {
    hashes | sed -n "s/^$1 //p"
}

nt_hash() {
    /usr/bin/python3 "$here/accounts.py" nt-hash "$1"
}

# clear TEXT WHERE: it is nowhere on the disk: bytes, UTF-16, nor as an answer file hides it
clear() {
    /usr/bin/python3 - "$tmp/disk" "$1" <<'X' || fail "$2: '$1' is on the disk as clear text"
import base64, sys
data, text = open(sys.argv[1], 'rb').read(), sys.argv[2]
hidden = base64.b64encode((text + 'Administrator').encode('utf-16le')).decode()[:-8]
sys.exit(any(data.count(t.encode(form)) for t in (text, hidden) for form in ('utf-8', 'utf-16le')))
X
}

change() {
    "$KILN" windows "$@" --json > "$tmp/doc" 2> "$tmp/err" || fail "$*: $(cat "$tmp/err")"
}

for era in rc4 aes; do
    disk "$tmp/disk" --size 96M --firmware bare --accounts $era --facts "$tmp/facts"
    jq -r '.hashes | to_entries[] | "\(.key) \(.value)"' "$tmp/facts" | sort -n > "$tmp/made"
    is "$(jq -r '.boot_key' "$tmp/facts")" \
        "$(hashes > "$tmp/read"; sed -n 's/.*bootKey: 0x//p' "$tmp/dump")" "$era: the boot key"
    is "$(cat "$tmp/made")" "$(cat "$tmp/read")" "$era: the hashes of the disk that was made"

    first='Straße, 9!'
    change specialise "$tmp/disk" --password "$first"
    is "$(nt_hash "$first")" "$(hash_of 500)" "$era: the Administrator's password"
    is "$(grep -v '^500 ' "$tmp/made")" "$(hashes | grep -v '^500 ')" "$era: all others' passwords"
    clear "$first" "$era, after specialise"

    second='Zürich-Ω-12'
    name=$("$KILN" windows inspect --json "$tmp/disk" |
        jq -r '[.users[] | select(.rid >= 1000)][0] | "\(.rid) \(.name)"')
    change specialise "$tmp/disk" --user "${name#* }" --password "$second"
    is "$(nt_hash "$second")" "$(hash_of "${name%% *}")" "$era: the password of ${name#* }"
    is "$(nt_hash "$first")" "$(hash_of 500)" "$era: the Administrator's, left alone"

    # Secrets of a disk in use go with generalise: from files, from hives, from where they were.
    jq -r '.secrets[]' "$tmp/facts" > "$tmp/secrets"
    change generalise "$tmp/disk" --dialect ec2launch-v2
    while read -r secret; do
        clear "$secret" "$era, after generalise"
    done < "$tmp/secrets"
    is "$(nt_hash "$first")" "$(hash_of 500)" "$era: the Administrator's, after generalise"

    # A shorter answer file in the place of a longer one: its end is not left in the last cluster.
    fourth='Long-file-56'
    component='processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral"'
    component="$component versionScope=\"nonSxS\""
    {
        echo '<unattend xmlns="urn:schemas-microsoft-com:unattend">'
        printf '<!-- %3000s -->\n<settings pass="oobeSystem">\n' ' '
        echo "<component name=\"Microsoft-Windows-Shell-Setup\" $component><UserAccounts>"
        echo "<AdministratorPassword><Value>$fourth</Value><PlainText>true</PlainText>"
        echo '</AdministratorPassword></UserAccounts></component></settings></unattend>'
    } > "$tmp/long.xml"
    echo '<unattend xmlns="urn:schemas-microsoft-com:unattend"/>' > "$tmp/short.xml"
    change prepare "$tmp/disk" --answer-file "$tmp/long.xml"
    ! (clear "$fourth" x) 2> /dev/null || fail "$era: the long answer file is not there"
    change prepare "$tmp/disk" --answer-file "$tmp/short.xml"
    clear "$fourth" "$era, after a shorter answer file"

    # prepare leaves it to Setup: it must be in the answer file. specialise takes it from there.
    third='From-Answer-34'
    change prepare "$tmp/disk" --password "$third"
    ntfscat -f "$tmp/disk" Windows/Panther/unattend.xml > "$tmp/answer" 2> /dev/null
    grep -q '<AdministratorPassword>' "$tmp/answer" || fail "$era: no password for Setup"
    change specialise "$tmp/disk" --computer-name WEB07
    is "$(nt_hash "$third")" "$(hash_of 500)" "$era: the password of the answer file"
    clear "$third" "$era, after specialise took it from the answer file"
    ntfsfix -n "$tmp/disk" > "$tmp/out" 2>&1 || fail "$era: ntfsfix: $(cat "$tmp/out")"
done
