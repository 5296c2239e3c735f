#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The four levels on a disk with a real SYSTEM hive, judged by independent readers: hivexsh,
# regfinfo, evtxexport, ntfsfix, ntfscat, xmllint.
. "$(dirname "$0")/../lib/functions.sh"

here=$(dirname "$0")
KILN_WINDOWS_DATA=${KILN_WINDOWS_DATA:-$here/../../../shared/data/windows}
export KILN_WINDOWS_DATA
[ -f "$KILN_WINDOWS_DATA/README.md" ] ||
    { echo "SKIP: no Windows data: set KILN_WINDOWS_DATA" >&2; exit 77; }
requires mkntfs --version
requires ntfscat --version
requires evtxexport -V
command -v hivexregedit > /dev/null || { echo "SKIP: no hivexregedit" >&2; exit 77; }
requires jq --version

config=Windows/System32/config

# disk ARGUMENT...: a bare volume with a Windows on it, in $tmp/disk
disk() {
    status=0
    /usr/bin/python3 "$here/make-disk" "$tmp/disk" --size 96M --firmware bare "$@" \
        > "$tmp/out" 2>&1 || status=$?
    [ "$status" -ne 77 ] || { tail -1 "$tmp/out" >&2; exit 77; }
    [ "$status" -eq 0 ] || fail "make-disk $*: $(tail -3 "$tmp/out")"
}

# kiln_windows ACTION ARGUMENT...: its document in $tmp/doc
kiln_windows() {
    "$KILN" windows "$1" "$tmp/disk" --json $2 > "$tmp/doc" 2> "$tmp/err" ||
        fail "kiln windows $1 $2: $(cat "$tmp/err")"
}

# get PATH FILE: a file of the volume, by a reader that is not ours
get() {
    ntfscat -f "$tmp/disk" "$1" > "$2" 2> /dev/null || fail "'$1' is not on the volume"
}

gone() {
    ! ntfscat -f "$tmp/disk" "$1" > /dev/null 2>&1 || fail "'$1' is still on the volume"
}

# reg HIVE KEY: values, as hivexregedit prints them
reg() {
    hivexregedit --export --unsafe-printable-strings "$tmp/$1" "$2"
}

has() {
    grep -qF -- "$2" "$1" || fail "$3: no '$2' in: $(head -c 600 "$1")"
}

facts() {
    jq -r "$1" "$tmp/facts"
}

# occurrences of the machine's SID in a file: bytes, text of 8 and of 16 bits
count_sid() {
    python3 - "$1" "$2" "$3" <<'E'
import sys
b = open(sys.argv[1], 'rb').read()
text = sys.argv[3]
print(sum(b.count(x) for x in (bytes.fromhex(sys.argv[2]), text.encode(), text.encode('utf-16le'))))
E
}

# ---- generalise ----------------------------------------------------------------------------------

disk --real --facts "$tmp/facts"
old=$(facts .sid)
hex=$(facts .sub_hex)
kiln_windows generalise "--dialect ec2launch-v2"
is true "$(jq .committed "$tmp/doc")" committed
ntfsfix -n "$tmp/disk" > "$tmp/out" 2>&1 || fail "ntfsfix: $(cat "$tmp/out")"

for h in SYSTEM SOFTWARE SAM SECURITY; do
    get "$config/$h" "$tmp/$h"
    is 0 "$(count_sid "$tmp/$h" "$hex" "$old")" "the old SID in $h"
    hivexsh "$tmp/$h" < /dev/null || fail "hivexsh does not open $h"
    regfinfo "$tmp/$h" > /dev/null || fail "regfinfo does not read $h"
done
get Windows/System32/config/SYSTEM.LOG1 "$tmp/log"
is 0 "$(wc -c < "$tmp/log")" "bytes in SYSTEM.LOG1"

reg SYSTEM '\Setup' > "$tmp/setup"
has "$tmp/setup" '"SetupType"=dword:00000002' "Setup is armed"
has "$tmp/setup" '"OOBEInProgress"=dword:00000001' "Setup is armed"
reg SYSTEM '\Setup\Status\SysprepStatus' > "$tmp/setup"
has "$tmp/setup" '"GeneralizationState"=dword:00000004' "Setup is armed"
get Windows/System32/winevt/Logs/Security.evtx "$tmp/log"
has "$(evtxexport "$tmp/log" > "$tmp/out"; echo "$tmp/out")" 'No records to export' "an emptied log"
get Windows/Panther/unattend.xml "$tmp/answer"
has "$tmp/answer" '<SystemLocale>en-US</SystemLocale>' "the answer file"
get "Program Files/Amazon/Ec2ConfigService/Scripts/SysprepSpecializePhase.cmd" "$tmp/cmd"
has "$tmp/cmd" 'fDenyTSConnections /t REG_DWORD /d 0 /f' "the script of specialize"
gone Users/testuser/NTUSER.DAT
gone pagefile.sys
gone Windows/Prefetch/CMD.EXE-1.pf
gone Windows/appcompat/Programs/Amcache.hve
get Users/Administrator/NTUSER.DAT "$tmp/NTUSER.DAT"

"$KILN" windows inspect "$tmp/disk" --json > "$tmp/seen"
is sealed "$(jq -r .setup.state "$tmp/seen")" "the state of a generalised image"
is 3 "$(jq '.users | length' "$tmp/seen")" "users that are left"
[ "$(jq -r .identity.machine_sid "$tmp/seen")" != "$old" ] || fail "inspect shows the old SID"

# ---- prepare -------------------------------------------------------------------------------------

mkdir -p "$tmp/drivers/viostor/w10/amd64" "$tmp/drivers/viostor/2k22/amd64"
echo for-10 > "$tmp/drivers/viostor/w10/amd64/viostor.sys"
echo for-2022 > "$tmp/drivers/viostor/2k22/amd64/viostor.sys"
echo '[Version]' > "$tmp/drivers/viostor/w10/amd64/viostor.inf"
kiln_windows prepare \
    "--computer-name WEB01 --time-zone UTC --drivers $tmp/drivers --ems --run whoami"
get Windows/Panther/unattend.xml "$tmp/answer"
xmllint --noout "$tmp/answer" 2> "$tmp/err" || fail "the answer file: $(cat "$tmp/err")"
has "$tmp/answer" '<ComputerName>WEB01</ComputerName>' "the answer file"
has "$tmp/answer" '<Path>whoami</Path>' "the answer file"
has "$tmp/answer" 'ScramblePassword.exe' "what the dialect wants is still in the answer file"
get Windows/System32/drivers/viostor.sys "$tmp/sys"
is for-2022 "$(cat "$tmp/sys")" "the driver of this Windows" # its SOFTWARE says Server 2022
get "$config/SYSTEM" "$tmp/SYSTEM"
reg SYSTEM '\ControlSet001\Services\viostor' > "$tmp/out"
has "$tmp/out" '"Start"=dword:00000000' "viostor starts at boot"
reg SYSTEM '\DriverDatabase\DeviceIds\PCI\VEN_1AF4&DEV_1001&REV_00' > "$tmp/out"
has "$tmp/out" '"kiln-viostor.inf"' "the driver database"
get Boot/BCD "$tmp/BCD"
reg BCD '\Objects\{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}\Elements\15000023' > "$tmp/out"
has "$tmp/out" '00,c2,01' "the speed of the serial console"

# ---- specialise ----------------------------------------------------------------------------------

kiln_windows specialise "--computer-name WEB02 --locale de-DE --rdp"
get "$config/SYSTEM" "$tmp/SYSTEM"
reg SYSTEM '\Setup' > "$tmp/setup"
has "$tmp/setup" 'KilnFirstBoot.cmd' "commands wait for the first boot"
has "$tmp/setup" '"OOBEInProgress"=dword:00000000' "Setup is disarmed"
reg SYSTEM '\ControlSet001\Control\ComputerName\ComputerName' > "$tmp/out"
has "$tmp/out" ':"WEB02"' "the name"
reg SYSTEM '\ControlSet001\Control\Nls\Language' > "$tmp/out"
has "$tmp/out" '"Default"=str(1):"0407"' "the system's locale"
reg SYSTEM '\ControlSet001\Control\Terminal Server' > "$tmp/out"
has "$tmp/out" '"fDenyTSConnections"=dword:00000000' "Remote Desktop"
get Users/Default/NTUSER.DAT "$tmp/NTUSER.DAT"
reg NTUSER.DAT '\Control Panel\International' > "$tmp/out"
has "$tmp/out" '"LocaleName"=str(1):"de-DE"' "formats of new users"
! grep -q sShortDate "$tmp/out" || fail "formats of the former locale stay"
gone Windows/Panther/unattend.xml
ntfsfix -n "$tmp/disk" > "$tmp/out" 2>&1 || fail "ntfsfix: $(cat "$tmp/out")"

# An answer file: what it asks for is done, or named as not done.
disk --facts "$tmp/facts"
cat > "$tmp/more.xml" <<'X'
<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="oobeSystem">
<component name="Microsoft-Windows-ServerManager-SvrMgrNc" processorArchitecture="amd64"
 publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
<DoNotOpenServerManagerAtLogon>true</DoNotOpenServerManagerAtLogon></component>
<component name="Microsoft-Windows-TerminalServices-LocalSessionManager"
 processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral"
 versionScope="nonSxS"><fDenyTSConnections>true</fDenyTSConnections></component>
<component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64"
 publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
<AutoLogon><Enabled>true</Enabled></AutoLogon></component></settings></unattend>
X
"$KILN" windows specialise "$tmp/disk" --answer-file "$tmp/more.xml" > "$tmp/out" 2> "$tmp/err" ||
    fail "specialise: $(cat "$tmp/err")"
has "$tmp/out" 'Shell-Setup/AutoLogon' "what is not applied"
get "$config/SYSTEM" "$tmp/SYSTEM"
reg SYSTEM '\ControlSet001\Control\Terminal Server' > "$tmp/out"
has "$tmp/out" '"fDenyTSConnections"=dword:00000001' "Remote Desktop, shut again"
get "$config/SOFTWARE" "$tmp/SOFTWARE"
reg SOFTWARE '\Microsoft\ServerManager' > "$tmp/out"
has "$tmp/out" '"DoNotOpenServerManagerAtLogon"=dword:00000001' "Server Manager"

# ---- clean: the SID stays, and it is said --------------------------------------------------------

disk --facts "$tmp/facts"
kiln_windows clean ""
is true "$(jq '[.rows[].what] | contains(["not generalised"])' "$tmp/doc")" "clean says it"
"$KILN" windows inspect "$tmp/disk" --json > "$tmp/seen"
is "$(facts .sid)" "$(jq -r .identity.machine_sid "$tmp/seen")" "the SID after clean"
is 6 "$(jq '.users | length' "$tmp/seen")" "users after clean"
