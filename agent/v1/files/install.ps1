# SPDX-License-Identifier: Apache-2.0
#
# Makes this folder the agent of this machine, after the zip was unpacked on C:\.
#   -EnableTelemetry          prints the agent's telemetry lines on the console; nothing is sent
#   -EnableTelemetry:$false   does not
param(
    [switch] $EnableTelemetry
)

$arguments = @('install')
if ($PSBoundParameters.ContainsKey('EnableTelemetry')) {
    if ($EnableTelemetry) { $arguments += '-EnableTelemetry' } else { $arguments += '-EnableTelemetry:$false' }
}

& (Join-Path $PSScriptRoot 'Library\Ec2Launch.exe') $arguments
exit $LASTEXITCODE
