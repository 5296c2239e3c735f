# SPDX-License-Identifier: Apache-2.0
#
# Gives an account an unknown password. Called by Unattend.xml in the specialize phase.
param(
    [Parameter(Mandatory = $true)] [string] $Username
)

& (Join-Path $PSScriptRoot '..\Library\Ec2Launch.exe') 'randomize-password' $Username
exit $LASTEXITCODE
