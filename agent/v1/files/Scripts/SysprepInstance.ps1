# SPDX-License-Identifier: Apache-2.0
#
# Runs Sysprep with Unattend.xml and shuts down. No backup: Sysprep deletes data of this machine.
# Run InitializeInstance.ps1 -Schedule first, or new instances do not initialise themselves.
#   -NoShutdown       leaves the machine running after Sysprep
#   -Force            goes on although a check says that Sysprep fails
param(
    [switch] $NoShutdown,
    [switch] $Force
)

$arguments = @('sysprep-instance')
if ($NoShutdown) { $arguments += '-NoShutdown' }
if ($Force) { $arguments += '-Force' }

& (Join-Path $PSScriptRoot '..\Library\Ec2Launch.exe') $arguments
exit $LASTEXITCODE
