# SPDX-License-Identifier: Apache-2.0
#
# Prints the ready line on the console, now or (-Schedule) at each boot.
param(
    [switch] $Schedule
)

$arguments = @('send-windows-is-ready')
if ($Schedule) { $arguments += '-Schedule' }

& (Join-Path $PSScriptRoot '..\Library\Ec2Launch.exe') $arguments
exit $LASTEXITCODE
