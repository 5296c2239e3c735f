#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2Launch v2 under Wine, from fresh files to the ready line, against a metadata service and with COM1 on a
pty. S-numbers are those of docs/agents/conformance.md."""
import atexit, re, shutil, sys, time, zipfile
sys.path.insert(0, __file__.rpartition('/')[0])
from agentlib import *

SERVICE, DATA, CONFIG = V2_SERVICE, V2_DATA, V2_CONFIG
need('v2/EC2Launch-stand-in.exe', 'v2/EC2LaunchService-stand-in.exe', 'stand-in/recorder.exe')
key = Key()
the_machine = None


def machine(config=None, **more):
    """The one machine, with fresh files."""
    global the_machine
    m = the_machine
    if not m:
        m = the_machine = Machine()
        atexit.register(m.close)
        install_v2(m)
    for where in (DATA, 'C:\\kiln-test'):
        shutil.rmtree(m.path(where), ignore_errors=True)
    m.path('C:\\kiln-test').mkdir()
    m.run('reg', 'delete', r'HKLM\Software\KilnTest', '/f')
    m.ok(V2, 'internal', 'install')
    if config:
        m.write(CONFIG, config)
    m.imds.values = key.instance(**more)
    m.clear_console()
    return m


FIRST_BOOT = [
    r'Windows sysprep configuration complete\.',
    r'Message: Waiting for access to metadata\.\.\.',
    r'Message: Meta-data is now available\.',
    r'OS: Microsoft Windows NT 10\.0\.\d+',
    r'OsVersion: 10\.0', f'OsProductName: {VALUE}', f'OsBuildLabEx: {VALUE}', r'OsCurrentBuild: \d+',
    f'(OsReleaseId: {VALUE})?', r'Language: [a-z]{2}-[A-Z]{2}', f'TimeZone: {VALUE}', r'Offset: UTC [+-]\d{4}',
    r'Launch: EC2 Launch v\d+\.\d+\.\d+',
    'AMI-ID: ami-0123456789abcdef0', 'Instance-ID: i-0123456789abcdef0', 'Instance Type: m5.large',
    f'(Driver: {VALUE})*', f'HOSTNAME: {VALUE}',
    f'(RDPCERTIFICATE-SUBJECTNAME: {VALUE})?', '(RDPCERTIFICATE-THUMBPRINT: [0-9A-F]{40})?',
    'HibernationEnabled: false',
    'Username: Administrator', 'Password: <Password>', '[A-Za-z0-9+/]{342}==', '</Password>',
    'User data format: no_user_data', 'Message: Windows is Ready to use',
]


def test_a_first_boot_is_the_documented_text_and_the_password_opens():  # S-54, S-57, S-60
    m = machine()
    started = time.monotonic()
    m.ok(V2, 'run')
    took = time.monotonic() - started
    m.wait_console('Ready to use\r\n')
    check_lines(m.lines(), FIRST_BOOT)
    true(STAMP.match(m.text), 'a stamp at the start')
    clear = key.opened(m)
    equal(len(clear), 32, 'length of the password')
    equal(m.value(ADMIN, 'Password'), ('REG_SZ', clear), 'the password that was set')
    log = m.read(DATA + 'log\\agent.log')
    true(clear not in log, 'no clear text in the log')
    for line in ('Info: EC2Launch Service starting', 'Info: Adding routes.', 'Info: Set administrator account.',
                 'Console: Message: Windows is Ready to use', 'Info: EC2Launch stopped'):
        true(line in log, f'{line!r} in the log:\n{log}')
    routes = [c for c in m.calls() if c.startswith('route_add')]
    true('route_add 169.254.169.254/32 gateway 0.0.0.0' in routes, f'routes: {routes}')
    equal(m.value(ADMIN, 'Flags'), ('REG_DWORD', '0x0'), 'the account is active and needs a password')
    links = [p.read_bytes().replace(b'\0', b'') for p in m.path('C:\\users').rglob('setwallpaper.lnk')]
    true(links and all(b'wallpaper --path C:' in text and b'EC2Launch.exe' in text for text in links), f"each user's shortcut: {links}")
    true(any(c.startswith('event Amazon EC2Launch 5000 ') for c in m.calls()), 'event 5000')
    print(f'# a whole run: {took:.2f} s')

    m.clear_console()  # a second boot: nothing that is "once"
    m.ok(V2, 'run')
    m.wait_console('Ready to use\r\n')
    true('Password' not in m.console(), 'no second password')
    equal(m.value(ADMIN, 'Password'), ('REG_SZ', clear), 'the password stays')
    equal(m.run(V2, 'status')[0], 0, 'status')
    m.ok(V2, 'reset')
    equal(m.run(V2, 'status')[0], 5, 'status behind a reset')


def test_the_service_waits_for_windows_setup_and_runs_once():  # S-51, S-52, S-53, S-54
    m = machine()
    m.set_text(SETUP, 'ImageState', 'IMAGE_STATE_UNDEPLOYABLE')
    m.ok('net', 'start', 'EC2Launch')
    busy = 'Windows is being configured. SysprepState=IMAGE_STATE_UNDEPLOYABLE'
    m.wait_console(busy)
    equal(m.run(V2, 'status')[0], 2, 'status while it runs')
    equal(m.lines(), [busy], 'nothing else')
    m.set_text(SETUP, 'ImageState', 'IMAGE_STATE_COMPLETE')
    set_at = time.monotonic()
    m.wait_console('Windows sysprep configuration complete.')
    true(time.monotonic() - set_at < 3, 'within 2 seconds (and one of Wine)')
    m.wait_console('Ready to use\r\n')
    eventually('the service ends', lambda: m.run(V2, 'status')[0] == 0)
    equal(m.lines().count(busy), 1, 'said once')


SCRIPTS = """version: 1.1
config:
- stage: preReady
  tasks:
  - task: executeScript
    inputs:
    - frequency: always
      type: batch
      runAs: localSystem
      content: |-
        echo before>>C:\\kiln-test\\order.txt
        exit /b 5
- stage: postReady
  tasks:
  - task: writeFile
    inputs:
    - frequency: always
      destination: C:\\kiln-test\\made.txt
      content: "grün\\n"
  - task: executeScript
    inputs:
    - {frequency: once, type: batch, runAs: localSystem, content: 'echo after>>C:\\kiln-test\\order.txt'}
"""


def test_scripts_files_and_user_data_do_their_work():  # S-55, S-56, S-58
    m = machine(SCRIPTS, user_data='<script>\r\necho user %1>>C:\\kiln-test\\order.txt\r\necho from a script>COM1\r\ntype C:\\kiln-test\\oem.txt\r\n</script>')
    m.path('C:\\kiln-test\\oem.txt').write_bytes('für alle'.encode('cp850'))
    equal(m.run(V2, 'run')[0], 1, 'a script failed')
    m.wait_console('from a script\r\n')  # the port is free behind the ready line
    true(m.console().find('Ready to use') < m.console().find('from a script'), 'behind the ready line')
    order = [l.strip() for l in m.read('kiln-test/order.txt').split('\n')]
    equal(order[:3], ['before', 'user', 'after'], 'order of the scripts')
    equal(m.read('kiln-test/made.txt'), 'grün\n', 'the file')
    log = m.read(DATA + 'log\\agent.log')
    true("failed to run task 'preReady-executeScript-0': failed to run script: exit status 5" in log, log)
    true(re.search('^für alle', log, re.M), f'the code page of consoles:\n{log}')
    paths = re.findall(r'(?:Script|Output|Error) file is created at: (.*?)\r?\n', log)
    equal(len(paths), 9, 'files of three scripts')
    for path in paths:
        true(m.exists(path.strip()), f'{path} is there for people to look into')
    true('User data format: xml' in m.console(), 'the form of the user data')
    equal(m.run(V2, 'status')[0], 1, 'status')


def test_wrong_settings_are_refused_before_anything_is_run():
    m = machine('version: 1.0\nconfig:\n- stage: preReady\n  tasks:\n  - task: setAdminAcount\n')
    code, out = m.run(V2, 'validate')
    equal(code, 1, 'validate')
    true('agent-config.yml:5:11: unknown task \'setAdminAcount\'' in out, out)
    equal(m.run(V2, 'run')[0], 1, 'run')
    m.wait_console("agent-config.yml:5:11: unknown task 'setAdminAcount'\r\n")
    true('Ready' not in m.console(), 'no ready line')
    equal(m.value(ADMIN, 'Password'), None, 'no password')
    equal([c for c in m.calls() if c.startswith('route')], [], 'no routes')


ANSWER = TOP / 'agent/sysprep/files/unattend.xml'
BEFORE = TOP / 'agent/sysprep/files/BeforeSysprep.cmd'
LOCALES = ('InputLocale', 'SystemLocale', 'UILanguage', 'UserLocale')


def test_sysprep_edits_closes_and_calls():  # S-2, S-17, S-18, S-19, S-20, S-23, S-67
    m = machine()
    m.install('stand-in/recorder.exe', 'C:\\windows\\system32\\Sysprep\\sysprep.exe')
    m.write(DATA + 'sysprep\\unattend.xml', ANSWER.read_bytes())
    m.write(DATA + 'sysprep\\BeforeSysprep.cmd', BEFORE.read_bytes() + b'\r\necho mine>>C:\\kiln-test\\recorded.txt\r\n')
    m.set_text(r'HKU\.DEFAULT\Control Panel\International', 'LocaleName', 'de-DE')
    m.set_number(TERMINAL, 'fDenyTSConnections', 0)
    m.write(DATA + 'state\\.run-once', '')
    m.ok(V2, 'sysprep', '--shutdown=true')
    recorded = m.read('kiln-test/recorded.txt').split('\n')
    equal(recorded[0].strip(), 'mine', 'BeforeSysprep.cmd runs first')
    equal(recorded[1].strip().partition('sysprep.exe')[2].lstrip('"'),
          ' /oobe /generalize /shutdown /unattend:"' + DATA + 'sysprep\\unattend.xml"', 'the command line')
    equal(m.value(TERMINAL, 'fDenyTSConnections'), ('REG_DWORD', '0x1'), 'Remote Desktop is closed')
    want = ANSWER.read_text()
    for element in LOCALES:
        want = want.replace(f'<{element}>en-US<', f'<{element}>de-DE<')
    equal(m.path(DATA + 'sysprep\\unattend.xml').read_bytes().decode(), want, 'only the locales changed')
    true(not m.exists(DATA + 'state\\.run-once'), 'the state is reset')
    log = m.read(DATA + 'log\\agent.log')
    true('Sysprep command: ' in log, log)


def test_the_specialize_helper_opens_remote_desktop_again():  # S-20, S-39
    m = machine()
    for value, name, found in ((1, 'BeforeSysprep.cmd', BEFORE),
                               (0, 'SysprepSpecializePhase.cmd', TOP / 'agent/ec2config/files/Scripts/SysprepSpecializePhase.cmd')):
        for before in (0, 1):
            m.set_number(TERMINAL, 'fDenyTSConnections', before)
            m.write('kiln-test/' + name, found.read_bytes())
            m.ok('cmd', '/c', 'C:\\kiln-test\\' + name)
            equal(m.value(TERMINAL, 'fDenyTSConnections'), ('REG_DWORD', f'0x{value}'), name)


def test_logs_are_collected_and_settings_told():  # S-5
    m = machine()
    m.ok(V2, 'run')
    m.write('windows/system32/Sysprep/Panther/setuperr.log', 'sysprep said so')
    m.ok(V2, 'collect-logs', '--output', 'C:\\kiln-test\\logs.zip')
    with zipfile.ZipFile(m.path('kiln-test/logs.zip')) as z:
        equal(z.testzip(), None, 'the archive')
        names = z.namelist()
        for n in ('EC2Launch/log/agent.log', 'Sysprep/Panther/setuperr.log', 'EC2Launch/config/agent-config.yml'):
            true(n in names, f'{n} in {names}')
    true('"version": 1.1' in m.ok(V2, 'get-agent-config', '-f', 'json'), 'settings as JSON')
    equal(m.run(V2, 'sysperp')[0], 2, 'a wrong verb')


def test_each_event_has_a_text_in_the_message_file():
    m = machine(SCRIPTS, user_data='<script>\r\nexit /b 0\r\n</script>')
    m.run(V2, 'run')
    written = {c.split()[3] for c in m.calls() if c.startswith('event Amazon EC2Launch ')}
    m.install('v2/EC2LaunchEventMessage.dll', V2_ROOT + 'tools\\EC2LaunchEventMessage.dll')
    key = r'HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Amazon EC2Launch\Amazon EC2Launch'
    dll = m.value(key, 'EventMessageFile')[1]
    texts = dict(re.findall(r'^(\d{4}) (.*?)\r*$', m.ok(BUILD / 'engine/engine-probe.exe', 'messages', dll), re.M))
    true(len(written) > 5 and written <= texts.keys(), f'{sorted(written - texts.keys())} have no text')
    equal(set(texts.values()), {'words'}, "each text is the record's own")


def test_the_tools_answer():
    m = machine()
    for name, words in (('AWSAcpiSpcrReader', 'COM1'), ('ebsnvme-id', 'There is no EBS disk.')):  # Wine has no NVMe disks
        where = V2_ROOT + f'tools\\{name}.exe'
        m.install(f'v2/{name}.exe', where)
        equal(m.run(where)[1].strip(), words, name)


def test_the_programs_are_small_and_quick():
    for f in [*BUILD.glob('v[12]/*.exe'), *BUILD.glob('ec2config/*.exe'), *BUILD.glob('dialogs/*.exe')]:
        true(f.stat().st_size < 1500000, f'{f.name} has {f.stat().st_size} bytes')
    m = machine()
    with m.start(V2, 'run') as p:
        small_enough(p.pid)
    m.install('v2/EC2Launch.exe', V2)  # the shipped one
    m.ok(V2, 'version')
    start = time.monotonic()
    m.ok(V2, 'version')
    took = time.monotonic() - start
    true(took < 1, f'version took {took:.2f} s')
    print(f'# version: {took:.2f} s')


stories(*[f for n, f in list(globals().items()) if n.startswith('test_') and (len(sys.argv) < 2 or sys.argv[1] in n)])
