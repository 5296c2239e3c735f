#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with an older agent becomes one with EC2Launch v2, under Wine: the older agent is installed and used, v2
takes its place and its settings, and runs with them to the ready line."""
import contextlib, json, re, sys
sys.path.insert(0, __file__.rpartition('/')[0])
from agentlib import *

need('v2/EC2Launch-stand-in.exe', 'v1/Ec2Launch-v1-stand-in.exe', 'ec2config/Ec2Config-stand-in.exe')
key = Key()
MENU = 'ProgramData/Microsoft/Windows/Start Menu/Programs/'
MOVED = 'The settings of {} are in agent-config.yml; what was there is in agent-config.yml.before.'


def machine(install_older):
    m = Machine(key.instance())
    install_older(m)
    return m


def take_over(m, older):
    """v2 is installed and takes the settings: what it says, and the text of the new ones."""
    install_v2(m)
    m.ok(V2, 'internal', 'install')
    shipped = m.read(V2_CONFIG)
    said = m.ok(V2, 'internal', 'migrate')
    true(MOVED.format(older) in said, said)
    equal(m.read(V2_CONFIG + '.before'), shipped, 'what was there')
    equal(m.ok(V2, 'validate').strip(), 'agent-config.yml is valid.', 'nothing is wrong with them')
    return said, m.read(V2_CONFIG)


def tasks(text):
    return re.findall(r'^ *- task: (\w+)$', text, re.M)


def scheduled(m):
    """The older agents' tasks."""
    return [f.name for f in m.path('C:\\windows\\system32\\tasks').rglob('*') if f.name.lower().startswith(('amazon ec2', 'ec2config'))]


def links(m):
    return list(m.path('C:\\users').rglob('setwallpaper.lnk'))


def test_the_defaults_of_version_one_come_over_and_a_first_boot_is_v2s():
    with contextlib.closing(machine(install_v1)) as m:
        m.ok(V1, 'install', '-Force')
        m.ok(V1, 'initialize-instance', '-Schedule')
        true(scheduled(m) and m.exists(MENU + 'EC2LaunchSettings.lnk'), 'version one is at home')
        said, text = take_over(m, 'EC2Launch (v1)')
        equal((scheduled(m), m.exists(MENU + 'EC2LaunchSettings.lnk')), ([], False), 'nothing starts version one any more')
        true('warning' not in said, said)
        equal(tasks(text), ['extendRootPartition', 'activateWindows', 'setDnsSuffix', 'setAdminAccount', 'setWallpaper',
                            'startSsm'], 'the tasks')
        m.ok(V2, 'run')
        m.wait_console(READY)
        true('Launch: EC2 Launch v' in m.console(), m.console())
        equal(m.value(ADMIN, 'Password'), ('REG_SZ', key.opened(m)), 'the printed password is the one that was set')
        true('disk_extend C' in m.calls(), m.calls())
        true(links(m), "the wallpaper's shortcut")


def test_what_version_one_was_told_holds_with_its_sealed_password():
    with contextlib.closing(machine(install_v1)) as m:
        m.write(V1_CONFIG, json.dumps(json.loads((V1_FILES / 'Config/LaunchConfig.json').read_text()) | {
            'setComputerName': True, 'setWallpaper': False, 'addDnsSuffixList': False, 'extendBootVolumeSize': False,
            'adminPasswordType': 'Specify', 'adminPassword': 'Correct-Horse-9'}))
        m.ok(V1, 'set-admin-password-config')
        true('Correct-Horse-9' not in m.read(V1_CONFIG), 'version one has sealed it')
        text = take_over(m, 'EC2Launch (v1)')[1]
        equal(tasks(text), ['activateWindows', 'setAdminAccount', 'setHostName', 'startSsm'], 'the tasks')
        true('type: encrypted' in text and 'Correct-Horse-9' not in text, text)
        m.ok(V2, 'run')
        m.wait_console(READY)
        equal(key.opened(m), 'Correct-Horse-9', 'v2 opens what version one has sealed')
        true('power_off restart' in m.calls(), f'a new name needs a restart: {m.calls()}')
        true('disk_extend C' not in m.calls() and not links(m), 'what was off stays off')
        true('data: ""' in m.read(V2_CONFIG), 'a used password leaves the settings')


def test_the_plugins_of_ec2config_come_over_and_a_missing_password_is_told():
    with contextlib.closing(machine(install_ec2config)) as m:
        boot_ec2config(m)
        equal(m.value(ADMIN, 'Password'), ('REG_SZ', key.opened(m)), 'EC2Config has set one')
        off = re.compile(r'<Name>Ec2SetPassword</Name>\s*<State>Disabled')
        eventually('Ec2SetPassword turns itself off', lambda: off.search(m.read(CONFIG_ROOT + 'Settings\\Config.xml')))
        m.ok('net', 'stop', 'EC2Config')
        plugin(m, 'Ec2DynamicBootVolumeSize', 'Disabled')
        equal(scheduled(m), ['Ec2ConfigMonitor'], 'its monitor')
        said, text = take_over(m, 'EC2Config')
        true('warning: setAdminAccount is doNothing: new instances get no password' in said, said)
        equal(tasks(text), ['activateWindows', 'setDnsSuffix', 'setAdminAccount', 'setWallpaper', 'startSsm'], 'the tasks')
        true(m.run('net', 'start', 'EC2Config')[0] != 0, 'its service is gone')
        equal(scheduled(m), [], 'its monitor, too')
        m.clear_console()
        m.path('C:\\kiln-test\\calls.txt').unlink()
        m.ok(V2, 'run')
        m.wait_console(READY)
        true('Password' not in m.console() and 'disk_extend C' not in m.calls(), m.console())


def test_fresh_settings_of_ec2config_give_a_random_password():
    with contextlib.closing(machine(install_ec2config)) as m:
        said, text = take_over(m, 'EC2Config')
        true('warning' not in said and 'type: random' in text, said + text)
        m.ok('net', 'start', 'EC2Launch')
        m.wait_console(READY)
        equal(m.value(ADMIN, 'Password'), ('REG_SZ', key.opened(m)), "the service runs with EC2Config's settings")


def test_nothing_or_nonsense_to_take_over_changes_nothing():
    with contextlib.closing(machine(install_v2)) as m:
        m.ok(V2, 'internal', 'install')
        before = m.read(V2_CONFIG)
        for older, why in ((None, 'there are no settings of an older agent'),
                           ('{"adminPasswordType": "Perhaps"}', 'LaunchConfig.json:1:23: '), ('{"setWallpaper"', 'LaunchConfig.json:1:')):
            if older:
                m.write(V1_CONFIG, older)
            code, out = m.run(V2, 'internal', 'migrate')
            equal(code, 1, 'the exit code')
            true(why in out, out)
            equal((m.read(V2_CONFIG), m.exists(V2_CONFIG + '.before')), (before, False), 'the settings')


stories(*[f for n, f in list(globals().items()) if n.startswith('test_') and (len(sys.argv) < 2 or sys.argv[1] in n)])
