#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A launch agent's whole circle on machines of Kiln: launch, ready, password, Sysprep by user data, off, image, launch.
windows_agent.py v2 | v1 | ec2config: one story, and what differs is a class each. The machine is Wine (tools/wine-guest):
Sysprep and Windows Setup, for v1 also the task scheduler and PowerShell, are stand-ins that keep to what the agent, its
files and its answer file tell them. C-1, C-4, C-5, C-13, C-14, C-28, C-56, C-61, C-62, and the S-numbers of the classes:
Kiln's half and the agent's, not that of a real Windows."""
from guestlib import *

AGENTS = pathlib.Path(os.environ.get('KILN_AGENT_BUILD', TOP / 'build-agent'))
requires('dnsmasq', 'nft', 'debugfs', 'aws')
for needed in ('/usr/lib/wine/wine64', AGENTS / 'stand-in/powershell.exe'):
    if not os.path.exists(needed):
        skip(f'{needed} is missing (tools/setup-debian --test; make agents)')
k = Kiln()
t = {}
BOOT = 900      # without KVM, on a machine that does other things too
STAMP = r'\d{4}/\d\d/\d\d \d\d:\d\d:\d\dZ: '
BUSY = 'Windows is being configured. SysprepState=IMAGE_STATE_UNDEPLOYABLE'
DONE, READY = 'Windows sysprep configuration complete.', 'Message: Windows is Ready to use'
WAITING, AVAILABLE = 'Message: Waiting for meta-data accessibility...', 'Message: Meta-data is now available.'
PASSWORD = ['Username: Administrator', 'Password: <Password>', '[A-Za-z0-9+/]{342}==', '</Password>']
IDS = ['AMI-ID: {ami}', 'Instance-ID: {i}', 'Instance Type: {type}']
REMOTE = r'HKLM\System\CurrentControlSet\Control\Terminal Server'
SETUP = r'HKLM\Software\Microsoft\Windows\CurrentVersion\Setup\State'
ADMIN = r'HKLM\Software\KilnTest\Accounts\Administrator'
ORDERS = ['order 1', 'order 2', 'order 3']


def on(value):
    return f'dword:{value:08x}'


class V2:
    """S-1, S-2, S-23, S-28 to S-30, S-38, S-39, S-51 to S-54, S-57, S-60, S-64 to S-67, C-35"""
    data = r'C:\ProgramData\Amazon\EC2Launch'
    logs = [rf'{data}\log\agent.log']
    busy, done = BUSY, [DONE]
    boot = ['Message: Waiting for access to metadata...', AVAILABLE, r'OsVersion: 10\.0', r'Launch: EC2 Launch v\d+\.\d+\.\d+',
            *IDS, 'HOSTNAME: {name}', *PASSWORD, 'User data format: xml', READY]
    # detached it seals when the agent's run has ended, inline within it
    seal = ['"C:\\Program Files\\Amazon\\EC2Launch\\EC2Launch.exe" sysprep --shutdown=true']
    seal_again, tags = seal, '<detach>true</detach>'
    sysprep = rf' /oobe /generalize /shutdown /unattend:"{data}\sysprep\unattend.xml"'
    specialize = ORDERS
    look = [rf'dir /b /a {data}\state']

    def was_used(self, seen):
        true({'.run-once', 'previous-state.json'} <= set(seen.split()), f'the run has left its state: {seen}')

    def is_reset(self, d):
        for name in ('.run-once', 'state.json', 'previous-state.json'):
            true(not d.has(rf'{self.data}\state\{name}'), f'{name} is of the machine, not of the image')

    def has_run(self, d):
        true(not d.has(r'C:\kiln-test\refused.txt'), 'the stand-ins understood all')


class V1:
    """S-1, S-71 to S-73, S-78, S-79, S-89, S-95 to S-98, C-36"""
    data = r'C:\ProgramData\Amazon\EC2-Windows\Launch'
    logs = [rf'{data}\Log\Ec2Launch.log', rf'{data}\Log\UserdataExecution.log']
    task = r'HKLM\Software\KilnTest\Tasks\Amazon Ec2 Launch - Instance Initialization'
    startup = r'C:\users\root\AppData\Roaming\Microsoft\Windows\Start Menu\Programs\StartUp'
    busy, done = BUSY, [DONE]
    boot = [WAITING, AVAILABLE, r'OS: Microsoft Windows NT 10\.0', r'OsVersion: 10\.0', *IDS,
            r'Launch: EC2 Launch v\d+\.\d+\.\d+', 'HibernationEnabled: false', *PASSWORD, READY]
    powershell = rf'powershell.exe -ExecutionPolicy Unrestricted -File "{data}\Scripts'
    seal = [rf'{powershell}\InitializeInstance.ps1" -Schedule', rf'{powershell}\SysprepInstance.ps1"']
    seal_again, tags = seal, ''
    sysprep = rf' /oobe /shutdown /generalize "/unattend:{data}\Sysprep\Unattend.xml"'
    specialize = ORDERS[:2]
    look = [f'reg query "{task}" /v Enabled', f'dir /b "{startup}"']

    def was_used(self, seen):
        true(re.search(r'Enabled +REG_DWORD +0x0', seen), f'the task that initialised it is disabled: {seen}')
        true('RunWallpaperSetup.cmd' in seen, f'it draws the wallpaper: {seen}')

    def is_reset(self, d):
        equal(d.value(self.task, 'Enabled'), on(1), 'the image initialises itself')
        true(not d.has(rf'{self.startup}\RunWallpaperSetup.cmd'), 'the wallpaper is not drawn before')

    def has_run(self, d):
        ran = [l for l in d.lines(r'C:\kiln-test\recorded.txt') if l.startswith('powershell: ')]
        ran = [l.replace('\\Scripts\\..\\', '\\').replace('\\Sysprep\\..\\', '\\').partition('Ec2Launch.exe ')[2] for l in ran]
        boot, new, seal = ['initialize-instance'], ['randomize-password Administrator'], ['initialize-instance -Schedule', 'sysprep-instance']
        boots = sum(l == boot[0] for l in ran)
        equal(ran, boot + seal + (boot + new + seal) * (boots - 1), "what the agent's PowerShell files were called for")
        for l in d.lines(r'C:\kiln-test\refused.txt'):  # the look ahead of Sysprep, which goes on without an answer
            true('powershell.exe -NoProfile -NonInteractive -Command' in l and 'RemainingWindowsReArmCount' in l, f'refused: {l}')


class Ec2Config:
    """S-1, S-113, S-115, S-117, S-122, S-128 to S-131, S-144, S-145, S-147, S-150, S-153, S-162, S-165, S-178 to S-180, C-37"""
    data = r'C:\Program Files\Amazon\Ec2ConfigService'
    logs = [rf'{data}\Logs\Ec2ConfigLog.txt']
    busy, done = f'EC2ConfigMonitorState: 0 {BUSY}', [DONE, 'Message: Sysprep Start', 'Message: Sysprep End']
    boot = [r'OS: Microsoft Windows NT 6\.3\.\d+', r'OsVersion: 6\.3', r'EC2 Agent: Ec2Config service v\d+\.\d+\.\d+', WAITING,
            AVAILABLE, *IDS[:2], 'Ec2SetPassword: Enabled', *PASSWORD, READY]
    seal = ['"%programfiles%\\amazon\\ec2configservice\\"ec2config.exe -sysprep""']     # as the guide has it
    seal_again, tags = ['cd /d "%programfiles%\\amazon\\ec2configservice"', 'ec2config.exe -sysprep'], ''
    sysprep = rf' /unattend:"{data}\sysprep2008.xml" /oobe /generalize /shutdown'
    specialize = [*ORDERS, 'SetupComplete']
    look = [rf'type "{data}\Settings\Config.xml"']

    def plugins(self, text):
        return dict(re.findall(r'<Name>(\w+)</Name>\s*<State>(\w+)</State>', text))

    def was_used(self, seen):
        equal(self.plugins(seen)['Ec2SetPassword'], 'Disabled', 'the password stays from now on')

    def is_reset(self, d):
        now = self.plugins(d.read(rf'{self.data}\Settings\Config.xml'))
        for name in ('Ec2SetPassword', 'Ec2HandleUserData', 'Ec2OutputRDPCert'):
            equal(now[name], 'Enabled', f"{name} for the image's instances")

    def has_run(self, d):
        true(not d.has(r'C:\kiln-test\refused.txt'), 'the stand-ins understood all')
        if len(d.notes('SetupComplete')):
            true(int(d.value(ADMIN, 'Flags').removeprefix('dword:'), 16) & 0x10, 'the password never expires')


NAMES = {'v2': V2, 'v1': V1, 'ec2config': Ec2Config}
if len(sys.argv) != 2 or sys.argv[1] not in NAMES:
    sys.exit(__doc__)
agent = NAMES[sys.argv[1]]()


def script(name, seal, tags=''):
    """What a builder gives to an instance: customise, then seal it. Nobody logs on."""
    lines = [f'echo {name}>>C:\\customised.txt', *[f'{l} >>C:\\used-by-{name}.txt 2>&1' for l in agent.look],
             f'reg query "{REMOTE}" /v fDenyTSConnections >C:\\seen-by-{name}.txt', f'hostname >>C:\\seen-by-{name}.txt', *seal]
    return '<script>\r\n' + '\r\n'.join(lines) + '\r\n</script>' + tags


def disk():
    path = f'{tempfile.gettempdir()}/kiln-test-wine-{sys.argv[1]}-{os.getuid()}.img'
    cache = os.environ.get('KILN_CACHE') or os.path.expanduser('~/.cache/kiln')
    sh(TOP / 'tools/wine-guest', '--agent', sys.argv[1], '--agents', AGENTS, path, env=dict(os.environ, KILN_CACHE=cache), timeout=900)
    os.chmod(path, 0o644)
    return path


def pair(name):
    path = f'{k.home}/{name}.pem'
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), 'w') as f:
        f.write(k.aws('create-key-pair', '--key-name', name, '--key-type', 'rsa')['KeyMaterial'])
    return path


def text(i):
    """What GetConsoleOutput has, by the AWS CLI, as lines without stamps; every line of the agent has one."""
    lines = k.aws('get-console-output', '--instance-id', i, '--latest').get('Output', '').replace('\r', '').splitlines()
    return [re.sub(f'^{STAMP}', '', l) for l in lines]


def ready(i, count=1):
    began = time.monotonic()
    k.console_line(i, READY, BOOT, count)
    print(f'# {i} is ready {time.monotonic() - began:.1f} s after it runs', flush=True)
    return text(i)


def ordered(lines, i, name, *wanted):
    """The lines stand there in this order; {ids} of the patterns are the instance's own."""
    rec = k.instance(i)
    own = {'{ami}': rec['ImageId'], '{i}': i, '{type}': rec['InstanceType'], '{name}': name}
    at = -1
    for w in wanted:
        for mark, value in own.items():
            w = w.replace(mark, value)
        found = [n for n, l in enumerate(lines) if n > at and re.fullmatch(w, l)]
        true(found, f'{w!r} behind line {at + 1} of:\n' + '\n'.join(lines))
        at = found[0]


def password(i, key):
    """As its owner gets it; empty when the guest has printed none."""
    return k.aws('get-password-data', '--instance-id', i, '--priv-launch-key', key)['PasswordData']


def seals_itself(i):
    """Off without a call of anybody: the guest did it."""
    began = time.monotonic()
    now = k.instance_is(i, 'stopped', BOOT)
    print(f'# {i} is off {time.monotonic() - began:.1f} s later', flush=True)
    return now


class Disk:
    """The files of a stopped machine, read from a snapshot of its volume."""

    def __init__(self, snapshot):
        self.path = f'{k.home}/{snapshot}.raw'
        k.cli('store', 'export', snapshot, self.path)
        done = self.debugfs('features')
        true(b'extent' in done.stdout and b'needs_recovery' not in done.stdout, f'it has shut down in order: {done}')

    def debugfs(self, command):
        return subprocess.run(['debugfs', '-R', command, f'{self.path}?offset={2048 * 512}'], capture_output=True, timeout=60)

    def place(self, path):
        return '/wine/drive_c/' + path.replace('\\', '/').removeprefix('C:/')

    def has(self, path):
        return b'File not found' not in self.debugfs(f'stat "{self.place(path)}"').stderr

    def read(self, path, where=None):
        done = self.debugfs(f'cat "{where or self.place(path)}"')
        true(b'File not found' not in done.stderr, f'{path}: {done.stderr!r}')
        wide = done.stdout[:2] == b'\xff\xfe'
        return done.stdout.decode('utf-16' if wide else 'utf-8', errors='replace').replace('\r', '')

    def lines(self, path):
        return self.read(path).splitlines()

    def notes(self, *what):
        """What Setup's stand-in wrote of the beginnings wanted, without the command lines."""
        found = [l.removeprefix('setup: ') for l in self.lines(r'C:\kiln-test\recorded.txt') if l.startswith('setup: ')]
        return [l.partition(': ')[0] for l in found if l.startswith(what)]

    def value(self, key, name):
        """Of HKLM; Wine keeps it as text."""
        section = key.removeprefix('HKLM\\').replace('\\', '\\\\')
        found = re.search(rf'^\[{re.escape(section)}\].*?(?=^\[|\Z)', self.read('', '/wine/system.reg'), re.M | re.S | re.I)
        found = found and re.search(rf'^"{name}"=(.*)$', found[0], re.M | re.I)
        return found and found[1]


def unescaped(value):
    return re.sub(r'\\(.)', r'\1', value.strip('"'))


def was_told(i, d, key):
    """What its owner decrypts is what the agent set, and stands nowhere else in clear."""
    clear = password(i, key)
    equal(len(clear), 32, f'a password: {clear!r}')
    equal(unescaped(d.value(ADMIN, 'Password')), clear, "the account's password")
    for log in agent.logs:
        true(clear not in d.read(log), f'no clear text in {log}')
    true(clear not in '\n'.join(text(i)), 'no clear text on the console')
    return clear


def snapshot_of(i):
    s = k.ec2.create_snapshot(VolumeId=k.root_volume(i))['SnapshotId']
    eventually(f'{s} completed', lambda: k.snapshot(s)['State'] == 'completed', 300)
    return Disk(s)


def test_a_disk_is_imported_and_its_instance_becomes_ready():
    k.start()
    path = disk()
    began = time.monotonic()
    t['ami'], im = k.import_disk(path, name='base', platform='Windows')
    print(f'# imported in {time.monotonic() - began:.1f} s', flush=True)
    equal(im['Platform'], 'windows')
    t['key'] = pair('first')
    t['i'] = k.run(t['ami'], KeyName='first', UserData=script('alpha', agent.seal, agent.tags), MetadataOptions={'HttpTokens': 'required'})
    ordered(ready(t['i']), t['i'], 'WIN-FIRSTBORN01', *agent.done, *agent.boot)
    true(agent.busy not in text(t['i']), 'no Setup is at work')


def test_its_owner_is_told_that_and_its_password():
    true('Windows is Ready to use' in str(k.show(t['i'])), 'kiln show tells the ready line')
    true('Windows is Ready to use' in k.cli('ls'), 'and kiln ls')
    equal(len(password(t['i'], t['key'])), 32, 'a password')


def test_user_data_seals_it_and_it_powers_off_by_itself():
    now = seals_itself(t['i'])
    equal(now['State']['Name'], 'stopped', 'and not terminated')
    equal(text(t['i']).count('Password: <Password>'), 1, 'one password')


def test_an_image_of_it_is_made():
    began = time.monotonic()
    t['golden'] = k.aws('create-image', '--instance-id', t['i'], '--name', 'golden')['ImageId']
    equal(k.image_available(t['golden'], 600)['Platform'], 'windows')
    print(f'# imaged in {time.monotonic() - began:.1f} s', flush=True)
    equal(k.instance(t['i'])['State']['Name'], 'stopped', 'its source stays stopped')


def test_the_agent_has_set_that_password_and_called_sysprep():
    d = Disk(k.root_snapshot(t['golden']))
    t['first'] = was_told(t['i'], d, t['key'])
    called = [l.partition('sysprep.exe')[2].lstrip('"') for l in d.lines(r'C:\kiln-test\recorded.txt') if 'sysprep.exe' in l]
    equal(called, [agent.sysprep], 'the command line')
    equal(d.value(SETUP, 'ImageState'), '"IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"', 'sealed')
    equal(d.value(REMOTE, 'fDenyTSConnections'), on(1), 'Remote Desktop is closed')
    equal(d.read(r'C:\customised.txt').split(), ['alpha'], 'what user data customised')
    agent.was_used(d.read(r'C:\used-by-alpha.txt'))
    agent.is_reset(d)
    agent.has_run(d)


def test_the_image_and_the_original_start_as_new_machines():
    t['key2'] = pair('second')
    t['i2'] = k.run(t['golden'], KeyName='second', UserData=script('beta', agent.seal_again))
    k.ec2.start_instances(InstanceIds=[t['i']])
    for i, earlier in ((t['i2'], 0), (t['i'], 1)):
        lines = ready(i, earlier + 1)
        at = [n for n, l in enumerate(lines) if l == READY][earlier - 1] + 1 if earlier else 0
        ordered(lines[at:], i, 'WIN-[A-Z0-9]{11}', agent.busy, *agent.done, *agent.boot)
        equal(lines[at:].count(agent.busy), 1, 'said once')
    equal(k.volume(k.root_volume(t['i2']))['SnapshotId'], k.root_snapshot(t['golden']))


def test_each_has_a_name_and_a_password_of_its_own():
    names, clears = ['WIN-FIRSTBORN01'], [t['first']]
    for i, key, who, before in ((t['i2'], t['key2'], 'beta', ['alpha']), (t['i'], t['key'], 'alpha', ['alpha'])):
        seals_itself(i)
        d = snapshot_of(i)
        clears.append(was_told(i, d, key))
        equal(d.read(r'C:\customised.txt').split(), before + [who], "the image's change, and its own user data")
        seen = d.read(rf'C:\seen-by-{who}.txt')
        true(re.search(r'fDenyTSConnections +REG_DWORD +0x0', seen), f'Remote Desktop was open again: {seen}')
        names.append(seen.split()[-1].upper())
        told = [l.split()[1] for l in text(i) if l.startswith('HOSTNAME: ')]
        true(names[-1] in told or not told, f'the name that it has inside, {names[-1]}, and on the console: {told}')
        equal(d.notes('the agent'), ['the agent waits'])
        equal(d.notes('order', 'SetupComplete'), [f'{what} ends with 0' for what in agent.specialize], 'pass specialize and after it')
        sets = [l for l in d.lines(r'C:\kiln-test\calls.txt') if l.startswith('account_set_password')]
        equal(len(sets), 4, "the first boot's, then blank, unknown, the agent's")
        agent.is_reset(d)
        agent.has_run(d)
    equal(len(set(names)), 3, f'names: {names}')
    equal(len(set(clears)), 3, 'passwords')


def test_the_end_leaves_nothing():
    k.store_check()
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
