# SPDX-License-Identifier: Apache-2.0
#
# A sample: installs the updates that Windows offers, then sets EC2Config up and runs Sysprep, all
# without a window. Copy it and make it yours.
#
#   -NoSysprep   stop after the updates
#   -Reboot      restart when an update asks for it; run the script again afterwards
#
# Exit code: 0 done, 1 an update failed, 3010 a restart is needed first.
param(
    [switch] $NoSysprep,
    [switch] $Reboot
)

$ErrorActionPreference = 'Stop'
$service = Join-Path $env:ProgramFiles 'Amazon\Ec2ConfigService'

function Install-OfferedUpdates
{
    $session = New-Object -ComObject Microsoft.Update.Session
    $found = $session.CreateUpdateSearcher().Search("IsInstalled=0 and Type='Software' and IsHidden=0")
    if ($found.Updates.Count -eq 0) {
        Write-Output 'No updates are offered.' | Out-Host
        return 0
    }

    $chosen = New-Object -ComObject Microsoft.Update.UpdateColl
    foreach ($update in $found.Updates) {
        if ($update.InstallationBehavior.CanRequestUserInput) { continue }
        if (-not $update.EulaAccepted) { $update.AcceptEula() }
        Write-Output "Update: $($update.Title)" | Out-Host
        $chosen.Add($update) | Out-Null
    }
    if ($chosen.Count -eq 0) { return 0 }

    $downloader = $session.CreateUpdateDownloader()
    $downloader.Updates = $chosen
    $downloader.Download() | Out-Null
    $installer = $session.CreateUpdateInstaller()
    $installer.Updates = $chosen
    $result = $installer.Install()
    if ($result.ResultCode -gt 3) { return 1 }
    if ($result.RebootRequired) { return 3010 }
    return 0
}

function Set-Plugin([string] $Name, [string] $State)
{
    $path = Join-Path $service 'Settings\Config.xml'
    $xml = New-Object System.Xml.XmlDocument
    $xml.PreserveWhitespace = $true
    $xml.Load($path)
    foreach ($plugin in $xml.Ec2ConfigurationSettings.Plugins.Plugin) {
        if ($plugin.Name -eq $Name) { $plugin.State = $State }
    }
    $xml.Save($path)
}

function Set-BundleProperty([string] $Name, [string] $Value)
{
    $path = Join-Path $service 'Settings\BundleConfig.xml'
    $xml = New-Object System.Xml.XmlDocument
    $xml.PreserveWhitespace = $true
    $xml.Load($path)
    foreach ($property in $xml.BundleConfig.Property) {
        if ($property.Name -eq $Name) { $property.Value = $Value }
    }
    $xml.Save($path)
}

$code = @(Install-OfferedUpdates)[-1]
if ($code -eq 3010) {
    Write-Output 'A restart is needed before Sysprep may run.'
    if ($Reboot) { Restart-Computer -Force }
    exit 3010
}
if ($code -ne 0) {
    Write-Output 'An update failed. See C:\Windows\WindowsUpdate.log.'
    exit 1
}
if ($NoSysprep) { exit 0 }

# A new password for each instance, its user data run once.
Set-BundleProperty 'SetPasswordAfterSysprep' 'Yes'
Set-Plugin 'Ec2HandleUserData' 'Enabled'
& (Join-Path $service 'Ec2Config.exe') -sysprep
exit $LASTEXITCODE
