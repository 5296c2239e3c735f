# SPDX-License-Identifier: Apache-2.0
#
# Runs Sysprep with Unattend.xml and shuts down. No backup: Sysprep deletes data of this machine.
# Run InitializeInstance.ps1 -Schedule first, or new instances do not initialise themselves.
#   -NoShutdown       leaves the machine running after Sysprep
param(
    [switch] $NoShutdown
)

$arguments = @('sysprep-instance')
if ($NoShutdown) { $arguments += '-NoShutdown' }

& (Join-Path $PSScriptRoot '..\Library\Ec2Launch.exe') $arguments
exit $LASTEXITCODE
