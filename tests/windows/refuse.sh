#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Each case of the refuse list: refused before a byte is written, with the reason and the way out.
. "$(dirname "$0")/../lib/functions.sh"

here=$(dirname "$0")
KILN_WINDOWS_DATA=${KILN_WINDOWS_DATA:-$here/../../../shared/data/windows}
export KILN_WINDOWS_DATA
[ -f "$KILN_WINDOWS_DATA/README.md" ] ||
    { echo "SKIP: no Windows data: set KILN_WINDOWS_DATA" >&2; exit 77; }
requires mkntfs --version
requires jq --version
command -v ntfs-3g.probe > /dev/null || { echo "SKIP: no ntfs-3g.probe" >&2; exit 77; }

# disk ARGUMENT...: a disk with a Windows on it, in $tmp/disk
disk() {
    status=0
    /usr/bin/python3 "$here/make-disk" "$tmp/disk" "$@" > "$tmp/out" 2>&1 || status=$?
    [ "$status" -ne 77 ] || { tail -1 "$tmp/out" >&2; exit 77; }
    [ "$status" -eq 0 ] || fail "make-disk $*: $(tail -3 "$tmp/out")"
    sum=$(sha256sum < "$tmp/disk")
}

# refused ACTION REASON WAY_OUT
refused() {
    ! "$KILN" windows "$1" "$tmp/disk" > "$tmp/out" 2> "$tmp/err" || fail "$1 was not refused: $2"
    grep -q -- "$2" "$tmp/err" || fail "$1: no reason '$2' in: $(cat "$tmp/err")"
    grep -q -- "$3" "$tmp/err" || fail "$1: no way out '$3' in: $(cat "$tmp/err")"
    is "$sum" "$(sha256sum < "$tmp/disk")" "the disk after a refusal of $1 ($2)"
}

small="--size 64M --firmware bare"

disk $small --case hibernated
refused generalise 'hibernated' 'shutdown /s /f /t 0'
refused clean 'hibernated' 'powercfg /h off'

disk $small --case journal
refused specialise "Windows' cache" 'shutdown /s /f /t 0'

# Not taken down in order: the flag of the volume, a journal that waits for its replay. Windows'
# own chkdsk is the way out; inspect says the same.
for state in dirty unclean; do
    disk $small --case $state
    for action in prepare clean generalise specialise; do
        refused $action 'not dismounted cleanly' "let 'chkdsk' finish"
    done
    "$KILN" windows inspect --json "$tmp/disk" > "$tmp/json" 2> "$tmp/err" ||
        fail "inspect ($state): $(cat "$tmp/err")"
    is dirty "$(jq -r .source.volume.state "$tmp/json")" "the state of the volume ($state)"
    is false "$(jq '[.actions[].possible] | any' "$tmp/json")" "some action is possible ($state)"
    is 4 "$(jq '[.actions[].way_out | select(contains("chkdsk"))] | length' "$tmp/json")" \
        "ways out ($state)"
    is "$sum" "$(sha256sum < "$tmp/disk")" "the disk after inspect ($state)"
done
status=0 # the journal is judged as the maker of libntfs-3g judges it
ntfs-3g.probe --readwrite "$tmp/disk" > "$tmp/out" 2>&1 || status=$?
is 15 "$status" "ntfs-3g.probe's word for an unclean journal"

disk --size 256M --firmware bios --case bitlocker
refused prepare 'BitLocker' 'manage-bde -off'

disk $small --case controller
refused generalise 'domain controller' 'demote it first'
refused clean 'domain controller' 'demote it first'

disk $small --put Windows/NTDS/ntds.dit
refused clean 'ntds.dit' 'demote it first'

disk $small --case pending
refused generalise 'pending' 'until no update waits'

# with REASON WAY_OUT ACTION... -- ARGUMENT...: a disk with that is refused for these actions
with() {
    reason=$1 way_out=$2 actions=
    shift 2
    while [ "$1" != -- ]; do
        actions="$actions $1"
        shift
    done
    shift
    disk $small "$@"
    for action in $actions; do
        refused "$action" "$reason" "$way_out"
    done
}

all="prepare clean generalise specialise"
cbs='SOFTWARE|Microsoft\Windows\CurrentVersion\Component Based Servicing'
services='SYSTEM|ControlSet001\Services'
with 'SetupExecute runs' 'until no update waits' $all -- \
    --registry 'SYSTEM|ControlSet001\Control\Session Manager|SetupExecute|multi:poqexec.exe'
with 'pending.xml is there' 'until no update waits' $all -- --put Windows/WinSxS/pending.xml
with 'RebootPending' 'until no update waits' $all -- --registry "$cbs\\RebootPending||"
with 'PackagesPending' 'until no update waits' $all -- --registry "$cbs\\PackagesPending\\a||"
with 'SessionsPending' 'until no update waits' $all -- \
    --registry "$cbs\\SessionsPending|Exclusive|dword:00000001"
with 'Setup.Upgrade' 'let the upgrade end' $all -- --registry 'SYSTEM|Setup|Upgrade|dword:00000001'
with 'rolled back' 'let the upgrade end' $all -- \
    --registry 'SYSTEM|Setup|RollbackActive|dword:00000001'
with 'WINDOWS.~BT' 'let the upgrade end' $all -- --put '$WINDOWS.~BT/Sources/SetupPlatform.ini'
with 'older than Windows 7' 'use Sysprep in Windows' $all -- \
    --registry 'SOFTWARE|Microsoft\Windows NT\CurrentVersion|CurrentBuildNumber|"6003"' \
    --registry 'SOFTWARE|Microsoft\Windows NT\CurrentVersion|CurrentBuild|"6003"'
with 'Entra ID' 'dsregcmd /leave' generalise -- \
    --registry 'SYSTEM|ControlSet001\Control\CloudDomainJoin\JoinInfo\ab||'
for role in CertSvc:certification MSExchangeIS:Exchange IAS:Policy TermServLicensing:Licensing \
    WsusService:Update MSSQLSERVER:SQL 'MSSQL$DB:SQL'; do
    with "${role#*:}" 'take the role off' generalise -- --registry "$services\\${role%:*}||"
done
disk $small --domain --real
refused specialise "member of the domain 'prwua.org" 'leave the domain first'

disk $small --case setup
refused generalise 'Setup is under way' 'let Setup end'
refused prepare 'Setup is under way' 'let Setup end'

disk $small --case logs
refused clean 'not clean' 'shutdown /s /f /t 0'

disk $small --case cluster
refused generalise 'failover cluster node' 'take the role off'

disk $small --case joined
refused generalise 'MDM' 'leave it first'

disk $small --case corrupt
refused generalise 'damaged hive' 'repair it in Windows'

# Sealed images need no generalising; unsealed ones cannot be prepared.
disk $small --sealed
refused generalise 'sealed already' "prepare"
disk $small
refused prepare 'not sealed' 'seal it first'
