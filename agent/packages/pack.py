#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The packages of one agent: a zip of the folder as it lies on C:, and an MSI made by wixl.

Usage: pack.py AGENT VERSION SOURCES BUILD OUT
       pack.py --lay-down AGENT VERSION SOURCES BUILD OUT

AGENT is v2, v1, ec2config or all; SOURCES the agent/ folder; BUILD a meson build of it for Windows; OUT the folder for
both packages. Text files of the sources get the line ends of Windows. Settings come as defaults\... beside the program; its install
verb, which the MSI calls, lays down those that are not there yet: an upgrade keeps the owner's. --lay-down makes no package: OUT gets
one agent's files as they lie on C:, of a program its twin for Wine (NAME-stand-in.exe) where there is one. Times come from
SOURCE_DATE_EPOCH, so that the same inputs give the same zip."""
import os, pathlib, subprocess, sys, tempfile, time, uuid, zipfile
from xml.sax.saxutils import escape, quoteattr

SPACE = uuid.UUID('8f1c1f0e-54a5-4f0b-9f5c-6f8a4a7c7b11')  # of our component ids: never changed
PROGRAMS, DATA = 'ProgramFiles64Folder', 'CommonAppDataFolder'
CONFIG_DIR = 'Amazon/Ec2ConfigService/'
V1_DIR = 'Amazon/EC2-Windows/Launch/'

V2_DEFAULTS = 'Amazon/EC2Launch/defaults/'

# (folder of Windows, path below it, source)
HELPER = (PROGRAMS, CONFIG_DIR + 'ScramblePassword.exe', 'build:ec2config/ScramblePassword.exe')
PHASE = 'ec2config/files/Scripts/SysprepSpecializePhase.cmd'

AGENTS = {
    'v2': dict(
        name='Amazon EC2Launch', file='AmazonEC2Launch', upgrade='3c1a3e6b-0f5a-4a57-9a39-5f0c5d5c4b02',
        files=[  # the answer file calls the helper and the phase's file in EC2Config's folder
            HELPER, (PROGRAMS, V2_DEFAULTS + 'Ec2ConfigService/Scripts/SysprepSpecializePhase.cmd', PHASE),
            (PROGRAMS, 'Amazon/EC2Launch/EC2Launch.exe', 'build:v2/EC2Launch.exe'),
            (PROGRAMS, 'Amazon/EC2Launch/service/EC2LaunchService.exe', 'build:v2/EC2LaunchService.exe'),
            (PROGRAMS, 'Amazon/EC2Launch/settings/EC2LaunchSettingsUI.exe', 'build:dialogs/EC2LaunchSettingsUI.exe'),
            *[(PROGRAMS, f'Amazon/EC2Launch/tools/{n}', f'build:v2/{n}')
              for n in ('ebsnvme-id.exe', 'AWSAcpiSpcrReader.exe', 'EC2LaunchEventMessage.dll')],
            (PROGRAMS, V2_DEFAULTS + 'EC2Launch/sysprep/unattend.xml', 'sysprep/files/unattend.xml'),
            (PROGRAMS, V2_DEFAULTS + 'EC2Launch/sysprep/BeforeSysprep.cmd', 'sysprep/files/BeforeSysprep.cmd')],
        install=('Amazon/EC2Launch/EC2Launch.exe', 'internal install', 'internal uninstall'),
        # chosen with ADDLOCAL=Basic,Clean,...; (feature, title, arguments when it comes, when it goes or None)
        features=[('Clean', 'agent-config.yml anew', 'internal install --clean', None),
                  ('Telemetry', 'Telemetry lines', 'internal install --telemetry=true', 'internal install --telemetry=false')],
        refuse=[('BUILDNUMBER >= 14393', 'EC2Launch v2 needs Windows Server 2016 or later.')]),
    'v1': dict(
        name='Amazon EC2Launch (v1)', file='EC2-Windows-Launch', upgrade='3c1a3e6b-0f5a-4a57-9a39-5f0c5d5c4b01',
        files=[
            (DATA, V1_DIR + 'Library/Ec2Launch.exe', 'build:v1/Ec2Launch-v1.exe'),
            (DATA, V1_DIR + 'Settings/Ec2LaunchSettings.exe', 'build:dialogs/Ec2LaunchSettings.exe')] +
        [(DATA, V1_DIR + f'defaults/Config/{n}.json', f'v1/files/Config/{n}.json')
         for n in ('LaunchConfig', 'DriveLetterMappingConfig', 'EventLogConfig')] +
        [(DATA, V1_DIR + f'defaults/Sysprep/{n}', f'v1/files/Sysprep/{n}')
         for n in ('Unattend.xml', 'BeforeSysprep.cmd', 'SysprepSpecialize.cmd')] +
        [(DATA, V1_DIR + 'Sysprep/Randomize-LocalAdminPassword.ps1', 'v1/files/Sysprep/Randomize-LocalAdminPassword.ps1')] +
        [(DATA, V1_DIR + 'install.ps1', 'v1/files/install.ps1')] +
        [(DATA, V1_DIR + f'Scripts/{n}.ps1', f'v1/files/Scripts/{n}.ps1')
         for n in ('InitializeInstance', 'InitializeDisks', 'SendEventLogs', 'SendWindowsIsReady', 'SetAdminPasswordConfig',
                   'SysprepInstance')] +
        [(DATA, V1_DIR + f'Module/Ec2Launch.{n}', f'v1/files/Module/Ec2Launch.{n}') for n in ('psd1', 'psm1')],
        install=(V1_DIR + 'Library/Ec2Launch.exe', 'install', 'uninstall'),
        refuse=[('BUILDNUMBER >= 14393 AND BUILDNUMBER < 20348',
                 'EC2Launch (v1) is for Windows Server 2016 and 2019. Install EC2Launch v2, or EC2Config on older ones.')]),
    'ec2config': dict(
        name='EC2ConfigService', file='EC2Config', upgrade='3c1a3e6b-0f5a-4a57-9a39-5f0c5d5c4b00',
        files=[
            HELPER, (PROGRAMS, CONFIG_DIR + 'defaults/Scripts/SysprepSpecializePhase.cmd', PHASE),
            (PROGRAMS, CONFIG_DIR + 'Ec2Config.exe', 'build:ec2config/Ec2Config.exe'),
            (PROGRAMS, CONFIG_DIR + 'Ec2ConfigServiceSettings.exe', 'build:dialogs/Ec2ConfigServiceSettings.exe'),
            (PROGRAMS, CONFIG_DIR + 'Ec2WallpaperInfo.exe', 'build:ec2config/Ec2WallpaperInfo.exe'),
            (PROGRAMS, CONFIG_DIR + 'ec2config-cli.exe', 'build:ec2config/ec2config-cli.exe'),
            (PROGRAMS, CONFIG_DIR + 'defaults/Settings/AWS.EC2.Windows.CloudWatch.json',
             'ec2config/files/Settings/AWS.EC2.Windows.CloudWatch.json'),
            (PROGRAMS, CONFIG_DIR + 'defaults/sysprep2008.xml', 'ec2config/files/sysprep2008.xml')] +
        [(PROGRAMS, CONFIG_DIR + f'defaults/Settings/{n}.xml', f'ec2config/files/Settings/{n}.xml')
         for n in ('ActivationSettings', 'BundleConfig', 'Config', 'DriveLetterConfig', 'EventLogConfig',
                   'InitializeDrivesSettings', 'WallpaperSettings')] +
        [(PROGRAMS, CONFIG_DIR + f'defaults/Scripts/{n}', f'ec2config/files/Scripts/{n}')
         for n in ('BeforeSysprep.cmd', 'PostSysprep.cmd', 'InstallUpdates.ps1')],
        install=(CONFIG_DIR + 'Ec2Config.exe', '-install', '-uninstall'),
        refuse=[('BUILDNUMBER < 14393', 'EC2Config is for Windows Server 2012 R2 and older. Install EC2Launch v2.')]),
}
ZIP_FOLDER = {PROGRAMS: 'Program Files', DATA: 'ProgramData'}


def collect(agent, version, sources, build, stage, for_wine=False):
    """Copies everything into stage as it lies on C:; returns (folder, path, file)."""
    out = []
    for folder, path, source in agent['files']:
        file = build / source[6:] if source.startswith('build:') else sources / source
        twin = file.with_name(f'{file.stem}-stand-in.exe')
        data = (twin if for_wine and twin.exists() else file).read_bytes()
        if not source.startswith('build:'):
            data = data.replace(b'\r\n', b'\n').replace(b'\n', b'\r\n').replace(b'@VERSION@', version.encode())
        to = stage / ZIP_FOLDER[folder] / path
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(data)
        out.append((folder, path, to.relative_to(stage)))
    return out


def make_zip(stage, out):
    when = time.gmtime(int(os.environ.get('SOURCE_DATE_EPOCH', '1704067200')))[:6]
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        for f in sorted(p for p in stage.rglob('*') if p.is_file()):
            info = zipfile.ZipInfo(str(f.relative_to(stage)), when)
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, f.read_bytes())


class Tree:
    """Folders as nested Directory elements with a component a file."""

    def __init__(self):
        self.folders, self.files, self.ids = {}, {}, []

    def add(self, folder, path, file):
        at = self.folders.setdefault(folder, {})
        parts = path.split('/')
        for p in parts[:-1]:
            at = at.setdefault(p, {})
        at.setdefault('', []).append((parts[-1], f'{folder}/{path}', file))

    def directory(self, name, at, path):
        out = [f'<Directory Id="D{uuid.uuid5(SPACE, path).hex}" Name={quoteattr(name)}>']
        return out + self.inside(at, path) + ['</Directory>']

    def inside(self, at, path):
        out = []
        for name, full, file in at.get('', []):
            ident = uuid.uuid5(SPACE, full)
            self.ids.append('C' + ident.hex)
            self.files[full] = 'F' + ident.hex
            out.append(f'<Component Id="C{ident.hex}" Guid="{ident}" Win64="yes">'
                       f'<File Id="F{ident.hex}" Name={quoteattr(name)} Source={quoteattr(str(file))} KeyPath="yes"/></Component>')
        for name, below in at.items():
            if name:
                out += self.directory(name, below, f'{path}/{name}')
        return out


def make_wxs(agent, version, files):
    tree = Tree()
    for f in files:
        tree.add(*f)
    body = []
    for folder, at in tree.folders.items():
        body += [f'<Directory Id="{folder}">'] + tree.inside(at, folder) + ['</Directory>']
    where = {path: folder for folder, path, _ in files}
    program, install, uninstall = agent['install']
    ident = tree.files[f'{where[program]}/{program}']
    extra = [(f'{name}{way}', command, f'&{name}={state}') for name, _, on, off in agent.get('features', [])
             for way, command, state in (('On', on, 3), ('Off', off, 2)) if command]
    actions = ''.join(f'<CustomAction Id="{i}" FileKey="{ident}" ExeCommand="{command}" Execute="deferred" Impersonate="no" '
                      f'Return="check"/>\n' for i, command, _ in extra)
    # by number: wixl puts what comes behind an action of ours at the start; the installer's last own step here is 6400
    runs = ''.join(f'<Custom Action="{i}" Sequence="{6500 + n}">{escape(when)} AND NOT REMOVE="ALL"</Custom>\n'
                   for n, (i, _, when) in enumerate(extra, 1))
    features = ''.join(f'<Feature Id="{name}" Level="1000" Title={quoteattr(title)}/>\n'
                       for name, title, _, _ in agent.get('features', []))
    # An older one goes before anything else is done: wixl's own MajorUpgrade lets it go last under Wine, and it would take
    # the new one's service with it.
    conditions = ''.join(f'<Condition Message={quoteattr(text)}>{escape(f"Installed OR ({c})")}</Condition>'
                         for c, text in agent['refuse'])
    return f'''<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
<Product Id="{uuid.uuid5(SPACE, agent["file"] + version)}" Name={quoteattr(agent['name'])} Language="1033" Version="{version}" Manufacturer="Kiln" UpgradeCode="{agent['upgrade']}">
<Package InstallerVersion="200" Compressed="yes" InstallScope="perMachine"/>
<Media Id="1" Cabinet="files.cab" EmbedCab="yes"/>
<Upgrade Id="{agent['upgrade']}">
<UpgradeVersion Property="NEWER" Minimum="{version}" IncludeMinimum="no" OnlyDetect="yes"/>
<UpgradeVersion Property="OLDER" Minimum="0.0.0" Maximum="{version}"/>
</Upgrade>
<Condition Message="A newer version is installed.">Installed OR NOT NEWER</Condition>
<Property Id="BUILDNUMBER">
<RegistrySearch Id="BuildNumber" Root="HKLM" Key="SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion" Name="CurrentBuild" Type="raw" Win64="yes"/>
</Property>
{conditions}
<Directory Id="TARGETDIR" Name="SourceDir">
{chr(10).join(body)}
</Directory>
<CustomAction Id="SetUp" FileKey="{ident}" ExeCommand="{install}" Execute="deferred" Impersonate="no" Return="check"/>
<CustomAction Id="TakeDown" FileKey="{ident}" ExeCommand="{uninstall}" Execute="deferred" Impersonate="no" Return="ignore"/>
{actions}<InstallExecuteSequence>
<RemoveExistingProducts Sequence="1450"/>
<Custom Action="SetUp" Sequence="6500">NOT REMOVE</Custom>
{runs}<Custom Action="TakeDown" After="InstallInitialize">REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE</Custom>
</InstallExecuteSequence>
<Feature Id="Basic" Level="1" Title={quoteattr(agent['name'])}>
{chr(10).join(f'<ComponentRef Id="{i}"/>' for i in tree.ids)}
</Feature>
{features}</Product>
</Wix>
'''


def pack(agent, version, sources, build, out):
    with tempfile.TemporaryDirectory(prefix='kiln-pack-') as work:
        stage = pathlib.Path(work) / 'c'
        files = collect(agent, version, sources, build, stage)
        make_zip(stage, out / f'{agent["file"]}.zip')
        wxs = pathlib.Path(work) / 'agent.wxs'
        wxs.write_text(make_wxs(agent, version, files), encoding='utf-8')
        subprocess.run(['wixl', '-a', 'x64', '-o', str(out / f'{agent["file"]}.msi'), str(wxs)], check=True, cwd=stage)


def main():
    args = [a for a in sys.argv[1:] if a != '--lay-down']
    lay_down = len(args) < len(sys.argv) - 1
    if len(args) != 5 or args[0] not in [*AGENTS, *([] if lay_down else ['all'])]:
        sys.exit(__doc__)
    sources, build, out = (pathlib.Path(a).resolve() for a in args[2:])
    out.mkdir(parents=True, exist_ok=True)
    if lay_down:
        collect(AGENTS[args[0]], args[1], sources, build, out, for_wine=True)
        return
    for name in AGENTS if args[0] == 'all' else [args[0]]:
        pack(AGENTS[name], args[1], sources, build, out)


main()
