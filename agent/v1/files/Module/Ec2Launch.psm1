# SPDX-License-Identifier: Apache-2.0
#
# The functions that people call by hand on a running instance:
#   Import-Module C:\ProgramData\Amazon\EC2-Windows\Launch\Module\Ec2Launch.psd1
#   Add-Routes; Set-ActivationSettings; slmgr //B /ato
$program = Join-Path $PSScriptRoot '..\Library\Ec2Launch.exe'

# Replaces the routes to metadata, key management and time by those of this subnet.
function Add-Routes
{
    & $program 'add-routes'
    if ($LASTEXITCODE -ne 0) { throw "Add-Routes: exit code $LASTEXITCODE, see Log\Ec2Launch.log" }
}

# Names the key management service of EC2.
function Set-ActivationSettings
{
    & $program 'set-activation-settings'
    if ($LASTEXITCODE -ne 0) { throw "Set-ActivationSettings: exit code $LASTEXITCODE, see Log\Ec2Launch.log" }
}

Export-ModuleMember -Function Add-Routes, Set-ActivationSettings
