# SPDX-License-Identifier: Apache-2.0
#
# Tells the agent's version to Test-ModuleManifest; the agent itself is Library\Ec2Launch.exe.
@{
    ModuleVersion = '@VERSION@'
    GUID = '6d0f1c7e-52c5-4c0b-9a52-0b1c6f1d7a11'
    Author = 'Kiln'
    Description = 'EC2Launch (v1)'
    FunctionsToExport = @()
    CmdletsToExport = @()
    VariablesToExport = @()
    AliasesToExport = @()
}
