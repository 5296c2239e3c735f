# SPDX-License-Identifier: Apache-2.0
#
# Formats every disk that has no partition, now or (-Schedule) at each boot.
#   -EnableTrim       lets the format send TRIM
param(
    [switch] $Schedule,
    [switch] $EnableTrim
)

$arguments = @('initialize-disks')
if ($Schedule) { $arguments += '-Schedule' }
if ($EnableTrim) { $arguments += '-EnableTrim' }

& (Join-Path $PSScriptRoot '..\Library\Ec2Launch.exe') $arguments
exit $LASTEXITCODE
