#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MSI of each agent through Wine's Windows Installer: installed, upgraded over settings that the owner has changed,
taken away. S-numbers are those of docs/agents/conformance.md."""
import functools, shutil, sys
sys.path.insert(0, __file__.rpartition('/')[0])
from agentlib import *

if not shutil.which('wixl'):
    skip('wixl is missing: tools/setup-debian --agent')
need('v2/EC2Launch.exe', 'v1/Ec2Launch-v1.exe', 'ec2config/Ec2Config.exe', 'dialogs/EC2LaunchSettingsUI.exe')
MENU = 'C:\\ProgramData\\Microsoft\\Windows\\Start Menu\\Programs\\'
SETUP_COMPLETE = 'C:\\windows\\Setup\\Scripts\\SetupComplete.cmd'
UNINSTALL = r'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall'
work = tempfile.TemporaryDirectory(prefix='kiln-packages-')


@functools.cache
def packed(agent, version):
    """The MSI of an agent, of that version."""
    out = pathlib.Path(work.name) / version
    subprocess.run([sys.executable, TOP / 'agent/packages/pack.py', agent, version, TOP / 'agent', BUILD, out], check=True)
    return next(out.glob({'v2': 'Amazon*.msi', 'v1': 'EC2-Windows*.msi', 'ec2config': 'EC2Config.msi'}[agent]))


def msiexec(m, what, msi, *more):
    """Exit code of a run without a window."""
    m.write('kiln-test/' + msi.name, msi.read_bytes())
    return m.run('msiexec', what, 'C:\\kiln-test\\' + msi.name, '/qn', *more, seconds=300)[0]


def programs(m):
    """What the list of programs shows: name -> version."""
    out = m.run('reg', 'query', UNINSTALL, '/s')[1].replace('\r', '')
    names, versions = (re.findall(rf'^ +{n} +REG_SZ +(.+)$', out, re.M) for n in ('DisplayName', 'DisplayVersion'))
    return dict(zip(names, versions))


def life(agent, name, program, menu, owned, service=None):
    """Install, upgrade, uninstall; the machine behind each. owned: a settings file that the owner changes."""
    with Machine() as m:
        if agent == 'ec2config':
            code = msiexec(m, '/i', packed(agent, '0.1.0'))
            true(code != 0 and not m.exists(program), f'refused on Windows 10: {code}')
            m.ok('winecfg', '/v', 'win81')
        equal(msiexec(m, '/i', packed(agent, '0.1.0')), 0, 'install')
        for where in (program, MENU + menu, owned):
            true(m.exists(where), where)
        equal(programs(m).get(name), '0.1.0', 'the list of programs')
        if service:
            equal(m.run('sc', 'query', service)[0], 0, 'the service')
        yield m
        # an upgrade over the owner's settings and a program that is broken
        shipped = m.path(owned).read_bytes()
        m.write(owned, shipped + b'\r\n')
        m.path(program).write_bytes(b'old')
        equal(msiexec(m, '/i', packed(agent, '0.2.0')), 0, 'upgrade')
        equal(programs(m), {name: '0.2.0'}, 'one of them, the new one')
        true(m.path(program).read_bytes()[:2] == b'MZ', 'the program is the new one')
        equal(m.path(owned).read_bytes(), shipped + b'\r\n', "the owner's settings stay")
        true(m.exists(MENU + menu) and (not service or m.run('sc', 'query', service)[0] == 0), 'entry and service are there')
        true(msiexec(m, '/i', packed(agent, '0.1.0')) != 0 and programs(m) == {name: '0.2.0'}, 'an older one is refused')
        yield m
        equal(msiexec(m, '/x', packed(agent, '0.2.0')), 0, 'uninstall')
        true(not m.exists(program) and not m.exists(MENU + menu), 'program and Start-menu entry are gone')
        equal(programs(m), {}, 'the list of programs')
        if service:
            true(m.run('sc', 'query', service)[0] != 0, 'the service is gone')
        equal(m.path(owned).read_bytes(), shipped + b'\r\n', "the owner's settings are left")
        yield m


def test_version_two():  # S-36, S-38, S-61
    ways = life('v2', 'Amazon EC2Launch', V2, 'Amazon EC2Launch settings.lnk', V2_CONFIG, 'EC2Launch')
    m = next(ways)
    for helper in ('ScramblePassword.exe', 'Scripts\\SysprepSpecializePhase.cmd'):
        true(m.exists(CONFIG_ROOT + helper), f'{helper}, which the answer file calls')
    equal(m.value(r'HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment', 'EC2LAUNCH_TELEMETRY'), None, 'telemetry')
    for _ in ways:
        pass


def test_the_features_of_version_two():
    with Machine() as m:
        msi = packed('v2', '0.1.0')
        m.write(V2_CONFIG, b'version: 1.1\nconfig: []\n')
        equal(msiexec(m, '/i', msi, 'ADDLOCAL=Basic,Clean,Telemetry'), 0, 'install')
        true('setAdminAccount' in m.read(V2_CONFIG), 'Clean: the settings are the defaults')
        equal(m.value(r'HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment', 'EC2LAUNCH_TELEMETRY'),
              ('REG_SZ', '1'), 'Telemetry')


def test_version_one():  # S-69, S-76, S-88
    ways = life('v1', 'Amazon EC2Launch (v1)', V1, 'EC2LaunchSettings.lnk', V1_CONFIG)
    m = next(ways)
    for name in ('Unattend.xml', 'BeforeSysprep.cmd', 'SysprepSpecialize.cmd'):
        found = sorted(str(f.relative_to(m.path(V1_ROOT))) for f in m.c.rglob('*') if f.name.lower() == name.lower() and f.is_file())
        equal(found, [f'Sysprep/{name}', f'defaults/Sysprep/{name}'], f"{name} is there, but for the package's own copy nowhere else")
        equal(m.path(V1_ROOT + 'Sysprep\\' + name).read_bytes(),
              (V1_FILES / 'Sysprep' / name).read_bytes().replace(b'\n', b'\r\n'), f'{name} as shipped: no edit is needed')
    true(m.exists(V1_ROOT + 'Settings\\Ec2LaunchSettings.exe'), 'the settings application')
    next(ways)
    true(m.exists(V1_ROOT + 'Module\\Ec2Launch.psm1'), 'the module')
    true("ModuleVersion = '0.2.0'" in m.read(V1_ROOT + 'Module\\Ec2Launch.psd1'), 'the version for Test-ModuleManifest')
    for _ in ways:
        pass


def test_ec2config():  # S-3, S-170, S-182
    ways = life('ec2config', 'EC2ConfigService', CONFIG, 'EC2ConfigService Settings.lnk', CONFIG_ROOT + 'Settings\\Config.xml',
                'EC2Config')
    m = next(ways)
    sample = m.read(CONFIG_ROOT + 'Scripts\\InstallUpdates.ps1')
    steps = ['Search(', 'Install-OfferedUpdates)', "Set-BundleProperty 'SetPasswordAfterSysprep'",
             "Set-Plugin 'Ec2HandleUserData'", "'Ec2Config.exe') -sysprep"]
    at = [sample.find(s) for s in steps]
    true(-1 not in at and at == sorted(at), f'updates, then settings, then Sysprep: {dict(zip(steps, at))}')
    true("No updates are offered.' | Out-Host\n        return 0" in sample.replace('\r', ''), 'no update is no failure')
    next(ways)
    equal(m.read(SETUP_COMPLETE).count('PostSysprep.cmd'), 1, 'our line is there once')
    next(ways)
    true('PostSysprep' not in m.read(SETUP_COMPLETE), 'our line is gone')
    for _ in ways:
        pass


stories(*[f for n, f in list(globals().items()) if n.startswith('test_') and (len(sys.argv) < 2 or sys.argv[1] in n)])
