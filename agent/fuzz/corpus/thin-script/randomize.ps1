# SPDX-License-Identifier: Apache-2.0
#
# Gives an account an unknown password. Called by Unattend.xml in the specialize phase.
#   -Inactive  leaves a disabled account disabled
param(
    [Parameter(Mandatory = $true)] [string] $Username,
    [switch] $Inactive
)

$arguments = @('randomize-password', $Username)
if ($Inactive) { $arguments += '-Inactive' }

& (Join-Path $PSScriptRoot '..\Library\Ec2Launch.exe') $arguments
exit $LASTEXITCODE
