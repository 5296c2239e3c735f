# SPDX-License-Identifier: Apache-2.0
#
# Initialises this instance now.
#   -Schedule         at the next boot, once
#   -SchedulePerBoot  at every boot
#   -KeepSchedule     (passed by the task of -SchedulePerBoot) leaves the task enabled
param(
    [switch] $Schedule,
    [switch] $SchedulePerBoot,
    [switch] $KeepSchedule
)

$arguments = @('initialize-instance')
if ($Schedule) { $arguments += '-Schedule' }
if ($SchedulePerBoot) { $arguments += '-SchedulePerBoot' }
if ($KeepSchedule) { $arguments += '-KeepSchedule' }

& (Join-Path $PSScriptRoot '..\Library\Ec2Launch.exe') $arguments
exit $LASTEXITCODE
