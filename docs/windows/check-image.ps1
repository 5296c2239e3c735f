# SPDX-License-Identifier: GPL-3.0-or-later
#
# Checks a started copy of an image that Kiln made on a disk. Run it as administrator, once.
#
#   -OldSid   the machine SID before, as the report says it: must be nowhere
#   -Name     the computer name that is expected
#   -Rdp      Remote Desktop is expected to be open
#
# Exit code: how many checks failed.
param(
    [string] $OldSid,
    [string] $Name,
    [switch] $Rdp
)

$ErrorActionPreference = 'SilentlyContinue'
$script:failed = 0

function Report([bool] $good, [string] $text)
{
    if ($good) { Write-Output "ok    $text" } else { Write-Output "FAIL  $text"; $script:failed++ }
}

function Note([string] $text) { Write-Output "note  $text" }

function Get-MachineSid
{
    $user = Get-CimInstance Win32_UserAccount -Filter "LocalAccount=True" | Select-Object -First 1
    return ($user.SID -replace '-\d+$', '')
}

function Test-Setup
{
    $setup = Get-ItemProperty HKLM:\SYSTEM\Setup
    Report ($setup.SetupType -eq 0) "SetupType is $($setup.SetupType)"
    Report ($setup.OOBEInProgress -eq 0) "OOBEInProgress is $($setup.OOBEInProgress)"
    Report ($setup.SystemSetupInProgress -eq 0) "SystemSetupInProgress is $($setup.SystemSetupInProgress)"
    $sysprep = Get-ItemProperty HKLM:\SYSTEM\Setup\Status\SysprepStatus
    Report ($sysprep.GeneralizationState -eq 7) "GeneralizationState is $($sysprep.GeneralizationState)"
    $state = Get-ItemProperty HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State
    Report ($state.ImageState -eq 'IMAGE_STATE_COMPLETE') "ImageState is $($state.ImageState)"
}

function Test-Identity
{
    $sid = Get-MachineSid
    Note "machine SID: $sid"
    Report ($sid -match '^S-1-5-21-\d+-\d+-\d+$') 'accounts have a machine SID'
    if ($OldSid) { Report ($sid -ne $OldSid) 'the SID is a new one' }
    if ($Name) { Report ($env:COMPUTERNAME -eq $Name) "computer name is $env:COMPUTERNAME" }
    $guid = (Get-ItemProperty HKLM:\SOFTWARE\Microsoft\Cryptography).MachineGuid
    Report ([bool] $guid) "MachineGuid is $guid"
}

# reg query /s reads names and text; binary data is searched as hex.
function Test-OldSid
{
    if (-not $OldSid) { Note 'no -OldSid: old SID not looked for'; return }
    $hex = -join (($OldSid -split '-')[4..6] | ForEach-Object {
        [BitConverter]::ToString([BitConverter]::GetBytes([uint32] $_)) -replace '-', '' })
    foreach ($hive in 'HKLM\SYSTEM', 'HKLM\SOFTWARE', 'HKU\.DEFAULT') {
        $found = reg.exe query $hive /s 2>$null | Select-String -SimpleMatch $OldSid, $hex
        Report (-not $found) "old SID in $hive ($(@($found).Count) places)"
        $found | Select-Object -First 5 | ForEach-Object { Note "  $($_.Line.Trim())" }
    }
    $files = 'C:\', 'C:\Users', 'C:\ProgramData', 'C:\Windows\Temp', 'C:\Windows\System32\Tasks'
    foreach ($dir in $files) {
        $bad = Get-ChildItem -Force -LiteralPath $dir | Where-Object {
            (Get-Acl -LiteralPath $_.FullName).Sddl -match [regex]::Escape($OldSid) }
        Report (-not $bad) "old SID in the security of $dir ($(@($bad).Count) files)"
    }
}

function Test-Health
{
    foreach ($log in 'System', 'Application', 'Security') {
        Report ([bool] (Get-WinEvent -LogName $log -MaxEvents 1)) "event log $log is written"
    }
    $services = 'EventLog', 'SamSs', 'ProfSvc', 'Schedule', 'TermService', 'LanmanServer', 'Winmgmt'
    foreach ($service in $services) {
        $s = Get-Service $service
        Report ($s.Status -eq 'Running' -or $s.StartType -eq 'Manual') "service $service is $($s.Status)"
    }
    $bad = Get-WinEvent -FilterHashtable @{ LogName = 'System'; Level = 1, 2 } -MaxEvents 20
    Note "errors in the system log: $(@($bad).Count)"
    $devices = Get-CimInstance Win32_PnPEntity | Where-Object { $_.ConfigManagerErrorCode -ne 0 }
    Report (-not $devices) "devices with a problem: $(@($devices).Count)"
    $devices | ForEach-Object { Note "  $($_.Name): $($_.ConfigManagerErrorCode)" }
    Report (Test-Path C:\Users\Default\NTUSER.DAT) 'the template of new users is there'
    $wmi = Get-CimInstance Win32_OperatingSystem
    Report ([bool] $wmi) "WMI answers: $($wmi.Caption)"
}

function Test-Rdp
{
    $ts = Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Terminal Server'
    if ($Rdp) {
        Report ($ts.fDenyTSConnections -eq 0) 'Remote Desktop is open'
        Report ([bool] (Get-NetTCPConnection -State Listen -LocalPort 3389)) 'port 3389 listens'
    } else {
        Note "fDenyTSConnections is $($ts.fDenyTSConnections)"
    }
}

Test-Setup
Test-Identity
Test-OldSid
Test-Health
Test-Rdp
Note 'activation:'
cscript.exe //nologo "$env:SystemRoot\System32\slmgr.vbs" /dli | ForEach-Object { Note "  $_" }
Write-Output "$script:failed failed"
exit $script:failed
