# SPDX-License-Identifier: Apache-2.0
#
# Seals the password of adminPasswordType Specify for this machine: the type becomes Encrypted, the clear
# text leaves LaunchConfig.json.

& (Join-Path $PSScriptRoot '..\Library\Ec2Launch.exe') 'set-admin-password-config'
exit $LASTEXITCODE
