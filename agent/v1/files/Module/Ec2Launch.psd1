# SPDX-License-Identifier: Apache-2.0
#
# Tells the agent's version to Test-ModuleManifest, and the functions for people's hands; the agent itself is
# Library\Ec2Launch.exe.
@{
    RootModule = 'Ec2Launch.psm1'
    ModuleVersion = '@VERSION@'
    GUID = '6d0f1c7e-52c5-4c0b-9a52-0b1c6f1d7a11'
    Author = 'Kiln'
    Description = 'EC2Launch (v1)'
    FunctionsToExport = @('Add-Routes', 'Set-ActivationSettings')
    CmdletsToExport = @()
    VariablesToExport = @()
    AliasesToExport = @()
}
