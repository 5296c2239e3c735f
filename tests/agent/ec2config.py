#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2Config under Wine: the service from fresh files to the ready line, -sysprep, the command files. S-numbers are
those of docs/agents/conformance.md."""
import contextlib, re, sys
sys.path.insert(0, __file__.rpartition('/')[0])
from agentlib import *

ROOT, PROGRAM, FILES = CONFIG_ROOT, CONFIG, CONFIG_FILES
SETTINGS = ROOT + 'Settings\\'
LOG = ROOT + 'Logs\\Ec2ConfigLog.txt'
need('ec2config/Ec2Config-stand-in.exe', 'ec2config/ScramblePassword-stand-in.exe', 'stand-in/recorder.exe')
key = Key()


def machine(**more):
    m = Machine(key.instance(**more))
    install_ec2config(m)
    return m


FIRST_BOOT = [
    r'Windows sysprep configuration complete\.', 'Message: Sysprep Start', 'Message: Sysprep End',
    r'OS: Microsoft Windows NT 10\.0\.\d+', r'OsVersion: 10\.0', f'OsProductName: {VALUE}', f'OsBuildLabEx: {VALUE}',
    r'OsCurrentBuild: \d+', f'(OsReleaseId: {VALUE})?',
    r'Language: [a-z]{2}-[A-Z]{2}', f'TimeZone: {VALUE}', f'Offset: {VALUE}', r'EC2 Agent: Ec2Config service v\d+\.\d+\.\d+',
    r'Message: Waiting for meta-data accessibility\.\.\.', r'Message: Meta-data is now available\.',
    'AMI-ID: ami-0123456789abcdef0', 'Instance-ID: i-0123456789abcdef0', f'(Driver: {VALUE})*', 'Ec2SetPassword: Enabled',
    f'(RDPCERTIFICATE-SUBJECTNAME: {VALUE})?', '(RDPCERTIFICATE-THUMBPRINT: [0-9A-F]{40})?', 'Username: Administrator',
    'Password: <Password>', '[A-Za-z0-9+/=]{344}', '</Password>', READY]


def test_service_from_fresh_files_to_the_ready_line():  # S-150, S-151, S-153, S-162, S-173
    with contextlib.closing(machine()) as m:
        boot_ec2config(m)
        check_lines(m.lines(), FIRST_BOOT)
        equal(m.value(ADMIN, 'Password'), ('REG_SZ', key.opened(m)), 'the printed password is the one that was set')
        eventually('Ec2SetPassword turns itself off', lambda: re.search(
            r'<Name>Ec2SetPassword</Name>\s*<State>Disabled', m.read(SETTINGS + 'Config.xml')))
        true('=========Loading plugin Ec2SetPassword==============' in m.read(LOG), m.read(LOG))
        with m.start('net', 'stop', 'EC2Config'):
            small_enough(pid_of('Ec2Config.exe'))


def test_the_monitor_starts_what_has_failed_to_start_and_nothing_else():
    with contextlib.closing(machine()) as m:
        m.ok(PROGRAM, '-install', '-force')
        tasks = lambda: [f.name for f in m.path('C:\\windows\\system32\\tasks').rglob('*') if 'Ec2ConfigMonitor' in f.name]
        equal(tasks(), ['Ec2ConfigMonitor'], 'the scheduled task')
        m.ok(PROGRAM, '-monitor')  # never started, although it is to start by itself
        m.wait_console(READY)
        true('Ec2ConfigMonitor' in m.read(LOG), m.read(LOG))
        m.ok('net', 'stop', 'EC2Config')
        m.ok(PROGRAM, '-monitor')
        true('RUNNING' not in m.ok('sc', 'query', 'EC2Config'), 'an owner who stops it has it stopped')
        true('Elastic Graphics' in m.read(LOG), m.read(LOG))
        m.ok(PROGRAM, '-uninstall')
        equal(tasks(), [], 'the scheduled task is gone')


def test_state_of_setup_is_said_in_its_own_words():  # S-144
    with contextlib.closing(machine()) as m:
        m.set_text(SETUP, 'ImageState', 'IMAGE_STATE_UNDEPLOYABLE')
        m.ok(PROGRAM, '-install', '-force')
        m.ok('net', 'start', 'EC2Config')
        line = 'EC2ConfigMonitorState: 0 Windows is being configured. SysprepState=IMAGE_STATE_UNDEPLOYABLE\r\n'
        m.wait_console(line)
        m.set_text(SETUP, 'ImageState', 'IMAGE_STATE_COMPLETE')
        m.wait_console(READY)
        equal(m.console().count(line), 1, 'said once')


def meeting(name, others):
    """A batch file that says it is there, waits for the others (a minute at most) and notes whether they came."""
    came = ' '.join(f'if exist C:\\kiln-test\\{o}.here' for o in others)
    return (f'@echo off\r\necho x>C:\\kiln-test\\{name}.here\r\nset n=0\r\n:again\r\n{came} goto met\r\n'
            'set /a n=n+1\r\nif %n%==60 exit /b 1\r\nping -n 2 127.0.0.1 >nul\r\ngoto again\r\n'
            f':met\r\necho x>C:\\kiln-test\\{name}.met\r\n')


def test_plugins_run_beside_each_other():  # S-152
    with contextlib.closing(machine()) as m:
        for n in '123':
            plugin(m, 'Meeting' + n, 'Enabled')
            m.write(ROOT + f'Plugins\\Meeting{n}.cmd', meeting(n, '123'.replace(n, '')))
        m.ok(PROGRAM, '-install', '-force')
        m.ok('net', 'start', 'EC2Config')
        m.wait_console(READY, 200)
        true(all(m.exists(f'C:\\kiln-test\\{n}.met') for n in '123'), 'each met the others before the ready line')


CLOUDWATCH = 'AWS.EC2.Windows.CloudWatch.PlugIn'


def test_plugins_behind_the_ready_line_run_beside_each_other():  # S-163, S-164
    with contextlib.closing(machine(user_data=f'<script>{meeting("user-data", ["cloudwatch"])}</script>')) as m:
        plugin(m, CLOUDWATCH, 'Enabled')
        m.write(ROOT + f'Plugins\\{CLOUDWATCH}.cmd', meeting('cloudwatch', ['user-data']))
        boot_ec2config(m)
        eventually('both meet', lambda: all(m.exists(f'C:\\kiln-test\\{n}.met') for n in ('cloudwatch', 'user-data')), 120)
        true(f'{CLOUDWATCH}: Settings were read from {SETTINGS}AWS.EC2.Windows.CloudWatch.json' in m.read(LOG), m.read(LOG))


def test_the_wallpaper_has_the_rows_of_the_settings_and_goes_again():
    with contextlib.closing(machine()) as m:
        entry = 'ProgramData/Microsoft/Windows/Start Menu/Programs/StartUp/Ec2WallpaperInfo.lnk'
        m.ok(PROGRAM, '-install', '-force')
        true(m.exists(entry), 'each logon draws it')
        desktop = r'HKCU\Control Panel\Desktop'
        m.set_text(desktop, 'WallPaper', 'C:\\mine.bmp')
        m.ok(ROOT + 'Ec2WallpaperInfo.exe', 'set')
        kind, ours = m.value(desktop, 'WallPaper')
        true(ours.endswith('\\Ec2Wallpaper_Info.jpg'), ours)
        picture = m.path(ours).read_bytes()
        true(picture.startswith(b'\xff\xd8\xff') and len(picture) > 5000, f'a JPEG file of {len(picture)} bytes')
        asked = [p for p in m.imds.asked if p.startswith('meta-data/')]
        for row in ('instance-id', 'local-ipv4', 'placement/availability-zone', 'instance-type'):
            true('meta-data/' + row in asked, f'{row} in {asked}')
        m.ok(ROOT + 'Ec2WallpaperInfo.exe', 'revert')
        equal(m.value(desktop, 'WallPaper'), (kind, 'C:\\mine.bmp'), "the user's picture")
        true(not m.path(ours).exists(), 'ours is gone')


def test_a_hand_edit_of_the_answer_file_reaches_sysprep():  # S-169
    with contextlib.closing(machine()) as m:
        where = ROOT + 'sysprep2008.xml'
        mine = m.path(where).read_bytes().replace(b'<TimeZone>UTC</TimeZone>', b'<!-- mine -->\r\n\t<TimeZone>GMT Standard Time</TimeZone>')
        m.write(where, mine)
        m.ok(PROGRAM, '-sysprep')
        true(f'/unattend:"{where}"' in m.read('kiln-test/recorded.txt'), 'that file is given to Sysprep')
        equal(m.path(where).read_bytes(), mine, 'to the byte')


def test_all_settings_are_checked_on_demand():  # S-181
    with contextlib.closing(machine()) as m:
        m.ok(ROOT + 'ec2config-cli.exe', '-check')
        m.write(SETTINGS + 'WallpaperSettings.xml', '<WallpaperSettings>\n<oops>')
        code, out = m.run(ROOT + 'ec2config-cli.exe', '-check')
        true(code == 1 and 'WallpaperSettings.xml:2:' in out, out)


def test_the_guides_command_line_in_cmd():  # S-109, S-110, S-117, S-179, S-180
    with contextlib.closing(machine()) as m:
        m.set_number(TERMINAL, 'fDenyTSConnections', 0)
        m.write('kiln-test/odd.cmd', '@"%programfiles%\\amazon\\ec2configservice\\"ec2config.exe -sysprep""\r\n')
        m.ok('cmd', '/c', 'C:\\kiln-test\\odd.cmd')
        m.write('kiln-test/plain.cmd', '@cd /d "%programfiles%\\amazon\\ec2configservice"\r\n@ec2config.exe -sysprep\r\n')
        m.ok('cmd', '/c', 'C:\\kiln-test\\plain.cmd')
        recorded = m.read('kiln-test/recorded.txt').splitlines()
        equal(len(recorded), 2, 'both ran Sysprep')
        for line in recorded:
            equal(line.strip().partition('sysprep.exe')[2].lstrip('"'),
                  f' /unattend:"{ROOT}sysprep2008.xml" /oobe /generalize /shutdown', 'the command line')
        equal(m.value(TERMINAL, 'fDenyTSConnections'), ('REG_DWORD', '0x1'), 'S-115: Remote Desktop is closed')
        true(f'SysprepUtils: Reading Bundle Properties from {ROOT}Settings\\BundleConfig.xml' in m.read(LOG), m.read(LOG))


def test_wrong_settings_are_refused_with_their_place():  # S-181
    with contextlib.closing(machine()) as m:
        m.write(ROOT + 'Settings\\BundleConfig.xml', '<BundleConfig>\n<Property><Name>AutoSysprep</Name>\n'
                '<Value>Perhaps</Value></Property></BundleConfig>')
        code, out = m.run(PROGRAM, '-sysprep')
        equal(code, 1, 'the exit code')
        true("BundleConfig.xml:3:1: Value is 'Perhaps': 'Yes' or 'No' is expected" in out, out)
        true(not m.exists('kiln-test/recorded.txt'), 'Sysprep is not called')


def test_command_files_of_both_passes():  # S-115, S-131, S-146, S-147, S-149
    with contextlib.closing(machine()) as m:
        for name, value in (('BeforeSysprep', 1), ('SysprepSpecializePhase', 0)):
            m.set_number(TERMINAL, 'fDenyTSConnections', 1 - value)
            m.ok('cmd', '/c', ROOT + f'Scripts\\{name}.cmd')
            equal(m.value(TERMINAL, 'fDenyTSConnections'), ('REG_DWORD', f'0x{value}'), name)
        m.write('C:\\windows\\Setup\\Scripts\\SetupComplete.cmd', (FILES / 'SetupComplete.cmd').read_bytes())
        m.ok('cmd', '/c', 'C:\\windows\\Setup\\Scripts\\SetupComplete.cmd')  # without SQL Server: no error
        true(int(m.value(ADMIN, 'Flags')[1], 16) & 16, 'the password never expires')


def test_scramble_password_program():  # S-36, S-129
    with contextlib.closing(machine()) as m:
        m.ok(ROOT + 'ScramblePassword.exe', '-u', 'Administrator')
        first = m.value(ADMIN, 'Password')
        m.ok(ROOT + 'ScramblePassword.exe', '-u', 'Administrator')
        true(first != m.value(ADMIN, 'Password'), 'another one each time')


def test_install_refuses_new_windows_and_keeps_the_owners_lines():  # S-3, S-146, S-170
    with contextlib.closing(machine()) as m:
        setup = 'C:\\windows\\Setup\\Scripts\\SetupComplete.cmd'
        m.write(setup, 'echo mine\r\n')
        code, out = m.run(PROGRAM, '-install')  # Wine calls itself Windows 10
        equal(code, 1, 'the exit code')
        true('is for Windows Server 2012 R2 and older' in out, out)
        m.ok(PROGRAM, '-install', '-force')
        m.ok(PROGRAM, '-install', '-force')
        equal(m.path(setup).read_bytes(), b'echo mine\r\ncall "' + ROOT.encode() + b'Scripts\\PostSysprep.cmd"\r\n', setup)
        entry = 'ProgramData/Microsoft/Windows/Start Menu/Programs/EC2ConfigService Settings.lnk'
        true(m.exists(entry), 'the Start-menu entry')
        m.ok(PROGRAM, '-uninstall')
        equal(m.path(setup).read_bytes(), b'echo mine\r\n', setup)
        true(not m.exists(entry), 'the entry is gone')


stories(*[f for n, f in list(globals().items()) if n.startswith('test_') and (len(sys.argv) < 2 or sys.argv[1] in n)])
