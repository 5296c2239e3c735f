#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What can be told from heaps of real hives, single hives and damaged ones; nothing is written.
. "$(dirname "$0")/../lib/functions.sh"

data=${KILN_WINDOWS_DATA:-$(dirname "$0")/../../../shared/data/windows}
[ -f "$data/README.md" ] || { echo "SKIP: no Windows data: set KILN_WINDOWS_DATA" >&2; exit 77; }
requires xz --version
requires jq --version

# heap FILE...: unpacked into $tmp/heap, as NAME or as NAME=OTHER NAME
heap() {
    rm -rf "$tmp/heap"
    mkdir "$tmp/heap"
    for f in "$@"; do
        xz -dc "$data/${f%%=*}.xz" > "$tmp/heap/$(basename "${f##*=}")"
    done
    before=$(cat "$tmp/heap"/* | sha256sum)
    "$KILN" windows inspect "$tmp/heap" --json > "$tmp/doc" 2> "$tmp/err" ||
        fail "inspect of $*: $(cat "$tmp/err")"
    is "$before" "$(cat "$tmp/heap"/* | sha256sum)" "the heap afterwards"
}

# said QUERY WANTED
said() {
    is "$2" "$(jq -r "$1" "$tmp/doc")" "$1"
}

d=win10-1709-desktop
heap $d/SYSTEM $d/SYSTEM.LOG1 $d/SYSTEM.LOG2
said .windows.version 10.0.16299.15
said .windows.product 'Windows 10'
said .windows.release 1709
said .windows.role client
said .windows.architecture AMD64
said .identity.computer_name DESKTOP-PM6C56D
said .setup.state finished
said .setup.sealed false
said '.hives[0].log_entries' 24
said '.hives[0].newest_keys_missing' false
said '[.drivers.disk[] | select(.model == "nvme") | .boots, .overridden] | tostring' '[false,true]'

# The same without its logs, under a name that says nothing.
heap $d/SYSTEM=x
said .identity.computer_name DESKTOP-PM6C56D
said '.hives[0].newest_keys_missing' true
said '.notes | length' 1

heap win7sp1-domain/SYSTEM
said .windows.product 'Windows 7 SP1'
said .windows.architecture x86
said .identity.computer_name WKS-WIN732BITA
said .identity.domain shieldbase.local
said .rearm.limit 3

heap win8-sam-security/SAM win8-sam-security/SECURITY
said .identity.machine_sid S-1-5-21-3064465268-1549819264-574340205
said .identity.domain_sid S-1-5-21-727398572-3617256236-2003601904
said .identity.joined true
said '[.users[] | .name, .enabled] | tostring' '["Administrator",true,"Guest",false]'

heap single/SAM-aes-server2016 single/SECURITY-win10-workgroup
said .identity.workgroup WORKGROUP
said '[.users[].rid] | tostring' '[500,501,503,1000,1004,1005]'
said '.notes | map(select(startswith("SAM and SECURITY do not agree"))) | length' 1

# One hive, given by its name.
"$KILN" windows inspect "$tmp/heap/SAM-aes-server2016" --json > "$tmp/doc" ||
    fail "inspect of one hive"
said .identity.machine_sid S-1-5-21-411602670-3944905364-1007076877

# A damaged one is a sentence, not a failure.
heap single/SYSTEM-corrupt
said '.notes | map(select(contains("damaged hive"))) | length' 1

# The same for people.
"$KILN" windows inspect "$tmp/heap" > "$tmp/out" || fail "inspect without --json"
grep -q '^Note .*damaged hive' "$tmp/out" || fail "no note for people: $(cat "$tmp/out")"
