# SPDX-License-Identifier: Apache-2.0
#
# Prints the events that EventLogConfig.json asks for on the console, now or (-Schedule) at each boot.
param(
    [switch] $Schedule
)

$arguments = @('send-event-logs')
if ($Schedule) { $arguments += '-Schedule' }

& (Join-Path $PSScriptRoot '..\Library\Ec2Launch.exe') $arguments
exit $LASTEXITCODE
