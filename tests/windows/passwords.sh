#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Passwords that were set on a disk, and accounts that were made, read back by impacket and
# samusrgrp from its SYSTEM and SAM, in both forms that Windows has had, and with both in one hive;
# and no secret is left on the disk as clear text, not even where a file was.
. "$(dirname "$0")/lib.sh"
requires jq --version
requires ntfscat --version
requires /usr/bin/python3 -c 'import Cryptodome'
PATH=/usr/bin:$PATH
requires impacket-secretsdump -h
requires samusrgrp -h

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

# answer WHAT: a file that asks for it in the last pass
answer() {
    component='processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral"'
    component="$component versionScope=\"nonSxS\""
    echo '<unattend xmlns="urn:schemas-microsoft-com:unattend"'
    echo 'xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">'
    printf '<!-- %3000s -->\n<settings pass="oobeSystem">\n' ' '
    echo "<component name=\"Microsoft-Windows-Shell-Setup\" $component><UserAccounts>"
    echo "$1</UserAccounts></component></settings></unattend>"
}

# account NAME PASSWORD GROUP: hidden as Setup's own tools hide it, when it ends with "!"
account() {
    plain=true value=$2
    case $2 in
    *!) plain=false value=$(printf '%sPassword' "$2" | iconv -t utf-16le | base64 -w 0) ;;
    esac
    echo "<LocalAccount wcm:action=\"add\"><Password><Value>$value</Value>"
    echo "<PlainText>$plain</PlainText></Password><Name>$1</Name>"
    echo "${3:+<Group>$3</Group>}<Description>made</Description></LocalAccount>"
}

# in_groups NAME: numbers of the local groups with this account
in_groups() {
    samusrgrp -L "$tmp/SAM" | grep -a ":$1:S-" | sed 's/:.*//' | sort | tr '\n' ' '
}

change() {
    "$KILN" windows "$@" --json > "$tmp/doc" 2> "$tmp/err" || fail "$*: $(cat "$tmp/err")"
}

for era in rc4 aes mixed; do
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

    # New accounts of an answer file; one that is there gets what is said of it; all or nothing.
    answer "<LocalAccounts>$(account deploy 'Deploy-77' 'Administrators; Remote Desktop Users')
        $(account runner 'Run-88!' '') $(account "${name#* }" 'Again-99' 'Administrators')
        </LocalAccounts>" > "$tmp/accounts.xml"
    change specialise "$tmp/disk" --answer-file "$tmp/accounts.xml"
    rid=$("$KILN" windows inspect --json "$tmp/disk" |
        jq '.users[] | select(.name == "deploy").rid')
    is "$(nt_hash Deploy-77)" "$(hash_of "$rid")" "$era: the password of a new account"
    is "$(nt_hash 'Run-88!')" "$(hash_of "$((rid + 1))")" "$era: the password of another"
    is "$(nt_hash Again-99)" "$(hash_of "${name%% *}")" "$era: the password of one that was there"
    is "220 22b " "$(in_groups deploy)" "$era: groups of a new account"
    is "221 " "$(in_groups runner)" "$era: groups when none is named"
    is "220 " "$(in_groups "${name#* }" | sed 's/221 //')" "$era: of one that was there"
    clear Deploy-77 "$era, after a new account"
    cp "$tmp/disk" "$tmp/before"
    answer "<LocalAccounts>$(account other x y) $(account another x Wheel)</LocalAccounts>" \
        > "$tmp/wheel.xml"
    ! "$KILN" windows specialise "$tmp/disk" --answer-file "$tmp/wheel.xml" > "$tmp/out" 2>&1 ||
        fail "$era: a group that is not there"
    grep -q "LocalAccount 1: no local group 'y'" "$tmp/out" || fail "$era: $(cat "$tmp/out")"
    cmp -s "$tmp/disk" "$tmp/before" || fail "$era: changed by what was refused"

    # Secrets of a disk in use go with generalise: from files, from hives, from where they were.
    jq -r '.secrets[]' "$tmp/facts" > "$tmp/secrets"
    change generalise "$tmp/disk" --dialect ec2launch-v2
    while read -r secret; do
        clear "$secret" "$era, after generalise"
    done < "$tmp/secrets"
    is "$(nt_hash "$first")" "$(hash_of 500)" "$era: the Administrator's, after generalise"

    # A shorter answer file in the place of a longer one: its end is not left in the last cluster.
    fourth='Long-file-56'
    answer "<AdministratorPassword><Value>$fourth</Value><PlainText>true</PlainText>
        </AdministratorPassword>" > "$tmp/long.xml"
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
