#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2Launch (v1) under Wine, from fresh files to the ready line, against a metadata service and with COM1 on a
pty. S-numbers are those of docs/agents/conformance.md."""
import contextlib, json, re, sys
sys.path.insert(0, __file__.rpartition('/')[0])
from agentlib import *

ROOT, CONFIG, FILES = V1_ROOT, V1_CONFIG, V1_FILES
ANSWER = ROOT + 'Sysprep\\Unattend.xml'
need('v1/Ec2Launch-v1-stand-in.exe', 'stand-in/recorder.exe')
key = Key()


def machine(**more):
    m = Machine(key.instance(**more))
    install_v1(m)
    return m


def settings(m, **more):
    m.write(CONFIG, json.dumps(json.loads((FILES / 'Config/LaunchConfig.json').read_text()) | more))


FIRST_BOOT = [
    r'Windows sysprep configuration complete\.', r'Message: Waiting for meta-data accessibility\.\.\.',
    r'Message: Meta-data is now available\.', 'Unable to load AMI information', r'OS: Microsoft Windows NT 10\.0', f'OsProductName: {VALUE}',
    f'OsInstallOption: {VALUE}', r'OsVersion: 10\.0', f'OsBuildLabEx: {VALUE}', r'OsCurrentBuild: \d+',
    f'(OsReleaseId: {VALUE})?', r'Language: [a-z]{2}-[A-Z]{2}', f'TimeZone: {VALUE}', r'Offset: UTC -?\d\d:\d\d:\d\d',
    'AMI-ID: ami-0123456789abcdef0', 'Instance-ID: i-0123456789abcdef0', 'Instance Type: m5.large',
    f'(Driver: {VALUE})*', r'Launch: EC2 Launch v\d+\.\d+\.\d+', 'HibernationEnabled: false', 'Username: Administrator',
    'Password: <Password>', '[A-Za-z0-9+/=]{344}', '</Password>', 'Message: Windows is Ready to use']


def test_fresh_files_to_the_ready_line():  # S-68, S-89
    with contextlib.closing(machine()) as m:
        with m.start(V1, 'initialize-instance') as p:
            small_enough(p.pid)
        check_lines(m.lines(), FIRST_BOOT)
        equal(m.value(ADMIN, 'Password'), ('REG_SZ', key.opened(m)), 'the printed password is the one that was set')
        log = m.path(ROOT + 'Log\\Ec2Launch.log').read_bytes().decode('utf-16')
        true('Initializing instance is done' in log, log)


def test_setup_is_waited_for_and_said_once():
    with contextlib.closing(machine()) as m:
        m.set_text(SETUP, 'ImageState', 'IMAGE_STATE_UNDEPLOYABLE')
        p = m.start(V1, 'initialize-instance')
        m.wait_console('Windows is being configured. SysprepState=IMAGE_STATE_UNDEPLOYABLE\r\n')
        m.set_text(SETUP, 'ImageState', 'IMAGE_STATE_COMPLETE')
        m.wait_console('Message: Windows is Ready to use')
        p.communicate(timeout=60)
        equal(m.console().count('SysprepState='), 1, 'said once')


def test_specified_password_is_wiped_and_a_weak_one_replaced():  # S-81, S-83, S-90 to S-92
    with contextlib.closing(machine()) as m:
        settings(m, adminPasswordType='Specify', adminPassword='Correct-Horse-9')
        m.ok(V1, 'initialize-instance')
        equal(key.opened(m), 'Correct-Horse-9', 'the sealed one')
        equal(json.loads(m.read(CONFIG))['adminPassword'], '', 'the clear text')
        m.clear_console()
        settings(m, adminPasswordType='Specify', adminPassword='abc')
        m.ok(V1, 'initialize-instance')
        true(len(key.opened(m)) == 32, 'a random one instead')


def test_a_file_with_a_password_keeps_its_access_list():  # S-80
    with contextlib.closing(machine()) as m:
        settings(m, adminPasswordType='Specify', adminPassword='Correct-Horse-9')
        m.ok(V1, 'set-admin-password-config')  # which closes the file, then replaces it
        # of an access list Wine keeps a mode: "full" is rwx, and a file that was made without a list has no x
        true(m.path(CONFIG).stat().st_mode & 0o700 == 0o700, oct(m.path(CONFIG).stat().st_mode))


def test_schedule_is_a_task_at_startup_as_system():  # S-95, S-102
    with contextlib.closing(machine()) as m:
        out = m.ok(V1, 'initialize-instance', '-Schedule')
        true('follow adminPasswordType (Random)' in out, out)
        equal(m.console(), '', 'nothing runs now')
        found = [f for f in m.path('C:\\windows\\system32\\tasks').rglob('*') if 'Instance Initialization' in f.name]
        true(len(found) == 1, 'the task is registered')
        xml = found[0].read_bytes()
        xml = xml.decode('utf-16' if xml[:2] in (b'\xff\xfe', b'\xfe\xff') else 'utf-8')
        # Wine keeps neither trigger nor action of a task; v1/test-run.c has the text that Windows is given
        true('Amazon Ec2 Launch - Instance Initialization' in xml, xml)


def test_sysprep_is_called_with_the_quoted_answer_file():  # S-71, S-72, S-96, S-97
    with contextlib.closing(machine()) as m:
        m.write(ROOT + 'Sysprep\\BeforeSysprep.cmd', (FILES / 'Sysprep/BeforeSysprep.cmd').read_bytes() +
                b'echo mine>>C:\\kiln-test\\recorded.txt\r\n')
        m.set_number(TERMINAL, 'fDenyTSConnections', 0)
        out = m.ok(V1, 'sysprep-instance')
        true('initialisation is not scheduled' in out, out)
        recorded = m.read('kiln-test/recorded.txt').split('\n')
        equal(recorded[0].strip(), 'mine', 'BeforeSysprep.cmd runs first')
        equal(recorded[1].strip().partition('sysprep.exe')[2].lstrip('"'),
              ' /oobe /shutdown /generalize "/unattend:' + ANSWER + '"', 'the command line')
        equal(m.value(TERMINAL, 'fDenyTSConnections'), ('REG_DWORD', '0x1'), 'Remote Desktop is closed')
        m.write(ROOT + 'Sysprep\\BeforeSysprep.cmd', b'exit /b 7\r\n')
        code, out = m.run(V1, 'sysprep-instance', '-NoShutdown')
        equal(code, 1, 'the exit code')
        true('exit code 7' in out, out)
        equal(len(m.read('kiln-test/recorded.txt').splitlines()), 2, 'Sysprep is not called')


def test_the_module_for_hands_names_verbs_of_the_program():  # S-103
    with contextlib.closing(machine()) as m:
        module = (FILES / 'Module/Ec2Launch.psm1').read_text()
        exported = re.search(r"FunctionsToExport = @\((.*)\)", (FILES / 'Module/Ec2Launch.psd1').read_text())[1]
        functions = re.findall(r"^function ([\w-]+)\n\{\n    & \$program '([\w-]+)'$", module, re.M)
        equal([f for f, _ in functions], re.findall(r"'([\w-]+)'", exported), 'what the module exports')
        for _, verb in functions:
            m.ok(V1, verb)
        calls = m.calls()
        true(any('route_delete 169.254.169.254/32' in c for c in calls) and any('route_add 169.254.169.254/32' in c for c in calls), calls)
        kms = m.value(r'HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform', 'KeyManagementServiceName')
        true(kms and kms[1] in ('169.254.169.250', '169.254.169.251'), kms)
        equal(m.value(ADMIN, 'Password'), None, 'no password is set')


def test_specialize_opens_remote_desktop_again():  # S-39 for v1
    with contextlib.closing(machine()) as m:
        m.set_number(TERMINAL, 'fDenyTSConnections', 1)
        m.ok('cmd', '/c', ROOT + 'Sysprep\\SysprepSpecialize.cmd')
        equal(m.value(TERMINAL, 'fDenyTSConnections'), ('REG_DWORD', '0x0'), 'the value')


def test_installer_refuses_what_the_guide_excludes():  # S-3
    with contextlib.closing(machine()) as m:
        code, out = m.run(V1, 'install')  # Wine calls itself Windows 10, build 19043
        build = int(m.value(r'HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion', 'CurrentBuild')[1])
        equal(code, 0 if 14393 <= build < 20348 else 1, out)
        m.ok(V1, 'install', '-Force')
        true(m.exists('ProgramData/Microsoft/Windows/Start Menu/Programs/EC2LaunchSettings.lnk'), 'S-76: the entry')
        m.ok(V1, 'uninstall')
        true(not m.exists('ProgramData/Microsoft/Windows/Start Menu/Programs/EC2LaunchSettings.lnk'), 'it is gone')


stories(*[f for n, f in list(globals().items()) if n.startswith('test_') and (len(sys.argv) < 2 or sys.argv[1] in n)])
