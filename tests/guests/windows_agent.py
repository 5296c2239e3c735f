#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2Launch v2's whole circle on machines of Kiln: launch, ready, password, Sysprep by user data, off, image, launch.
The machine is Wine (tools/wine-guest): Sysprep and Windows Setup are stand-ins that keep to what the agent and the
answer file tell them. S-1, S-2, S-23, S-28 to S-30, S-38, S-39, S-51 to S-54, S-57, S-60, S-64 to S-67 (and
C-1, C-4, C-5, C-13, C-14, C-28, C-35, C-56, C-61, C-62): Kiln's half and the agent's, not that of a real Windows."""
from guestlib import *

AGENTS = pathlib.Path(os.environ.get('KILN_AGENT_BUILD', TOP / 'build-agent'))
requires('dnsmasq', 'nft', 'debugfs', 'aws')
for needed in ('/usr/lib/wine/wine64', AGENTS / 'stand-in/setup.exe'):
    if not os.path.exists(needed):
        skip(f'{needed} is missing (tools/setup-debian --test; make agents)')
k = Kiln()
t = {}
BOOT = 900      # without KVM, on a machine that does other things too
STAMP = r'\d{4}/\d\d/\d\d \d\d:\d\d:\d\dZ: '
BUSY = 'Windows is being configured. SysprepState=IMAGE_STATE_UNDEPLOYABLE'
DONE, READY = 'Windows sysprep configuration complete.', 'Message: Windows is Ready to use'
SYSPREP = '"C:\\Program Files\\Amazon\\EC2Launch\\EC2Launch.exe" sysprep --shutdown=true'
TERMINAL = r'"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server"'


def script(name, detached=False):
    """What a builder gives to an instance: customise, then seal it. Nobody logs on. An inline script seals within the
    agent's run, a detached one when that has ended."""
    return ('<script>\r\n'
            f'echo {name}>>C:\\customised.txt\r\n'
            f'reg query {TERMINAL} /v fDenyTSConnections >C:\\seen-by-{name}.txt\r\n'
            f'hostname >>C:\\seen-by-{name}.txt\r\n'
            f'{SYSPREP}\r\n'
            '</script>' + '<detach>true</detach>' * detached)


def disk():
    path = f'{tempfile.gettempdir()}/kiln-test-wine-{os.getuid()}.img'
    cache = os.environ.get('KILN_CACHE') or os.path.expanduser('~/.cache/kiln')
    sh(TOP / 'tools/wine-guest', '--agents', AGENTS, path, env=dict(os.environ, KILN_CACHE=cache), timeout=900)
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


def ordered(lines, *wanted):
    at = -1
    for w in wanted:
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
        p = subprocess.run(['debugfs', '-R', 'features', self.where()], capture_output=True, text=True, timeout=60)
        true('extent' in p.stdout and 'needs_recovery' not in p.stdout, f'it has shut down in order: {p.stdout}{p.stderr}')

    def where(self):
        return f'{self.path}?offset={2048 * 512}'

    def read(self, path):
        p = subprocess.run(['debugfs', '-R', f'cat "{path}"', self.where()], capture_output=True, timeout=60)
        true(b'File not found' not in p.stderr, f'{path}: {p.stderr!r}')
        return p.stdout.decode(errors='replace').replace('\r', '')

    def has(self, path):
        p = subprocess.run(['debugfs', '-R', f'stat "{path}"', self.where()], capture_output=True, timeout=60)
        return b'File not found' not in p.stderr

    def c(self, path):
        return self.read('/wine/drive_c/' + path)

    def value(self, key, name):
        """Of HKLM; Wine keeps it as text."""
        section = re.search(rf'^\[{re.escape(key)}\].*?(?=^\[|\Z)', self.read('/wine/system.reg'), re.M | re.S | re.I)
        found = section and re.search(rf'^"{name}"=(.*)$', section[0], re.M | re.I)
        return found and found[1]


ADMIN = r'Software\\KilnTest\\Accounts\\Administrator'
SETUP = r'Software\\Microsoft\\Windows\\CurrentVersion\\Setup\\State'
REMOTE = r'System\\CurrentControlSet\\Control\\Terminal Server'
LOG = 'ProgramData/Amazon/EC2Launch/log/agent.log'


def unescaped(value):
    return re.sub(r'\\(.)', r'\1', value.strip('"'))


def was_told(i, d, key):
    """What its owner decrypts is what the agent set, and stands nowhere else in clear."""
    clear = password(i, key)
    equal(len(clear), 32, f'a password: {clear!r}')
    equal(unescaped(d.value(ADMIN, 'Password')), clear, "the account's password")
    true(clear not in d.c(LOG), 'no clear text in the log')
    true(clear not in '\n'.join(text(i)), 'no clear text on the console')
    return clear


def snapshot_of(i):
    s = k.ec2.create_snapshot(VolumeId=k.root_volume(i))['SnapshotId']
    eventually(f'{s} completed', lambda: k.snapshot(s)['State'] == 'completed', 300)
    return Disk(s)


def seen_by(d, name):
    return d.c(f'seen-by-{name}.txt')


def test_a_disk_is_imported_and_its_instance_becomes_ready():
    k.start()
    path = disk()
    began = time.monotonic()
    t['ami'], im = k.import_disk(path, name='base', platform='Windows')
    print(f'# imported in {time.monotonic() - began:.1f} s', flush=True)
    equal(im['Platform'], 'windows')
    t['key'] = pair('first')
    t['i'] = k.run(t['ami'], KeyName='first', UserData=script('alpha', detached=True), MetadataOptions={'HttpTokens': 'required'})
    rec = k.instance(t['i'])
    ordered(ready(t['i']), DONE, 'Message: Waiting for access to metadata...', 'Message: Meta-data is now available.',
            r'OsVersion: 10\.0', r'Launch: EC2 Launch v\d+\.\d+\.\d+', f"AMI-ID: {t['ami']}", f"Instance-ID: {t['i']}",
            f"Instance Type: {rec['InstanceType']}", 'HOSTNAME: WIN-FIRSTBORN01', 'Username: Administrator',
            'Password: <Password>', '[A-Za-z0-9+/]{342}==', '</Password>', 'User data format: xml', READY)
    true(BUSY not in text(t['i']), 'no Setup is at work')


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
    answer = 'C:\\ProgramData\\Amazon\\EC2Launch\\sysprep\\unattend.xml'
    recorded = d.c('kiln-test/recorded.txt').splitlines()
    equal([l.partition('sysprep.exe')[2].lstrip('"') for l in recorded],
          [f' /oobe /generalize /shutdown /unattend:"{answer}"'], 'the command line')
    equal(d.value(SETUP, 'ImageState'), '"IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"', 'sealed')
    equal(d.value(REMOTE, 'fDenyTSConnections'), 'dword:00000001', 'Remote Desktop is closed')
    equal(d.c('customised.txt').split(), ['alpha'], 'what user data customised')
    for name in ('.run-once', 'state.json', 'previous-state.json'):
        true(not d.has(f'/wine/drive_c/ProgramData/Amazon/EC2Launch/state/{name}'), f'{name} is of the machine, not of the image')


def test_the_image_and_the_original_start_as_new_machines():
    t['key2'] = pair('second')
    t['i2'] = k.run(t['golden'], KeyName='second', UserData=script('beta'))
    k.ec2.start_instances(InstanceIds=[t['i']])
    for i, earlier in ((t['i2'], 0), (t['i'], 1)):
        lines = ready(i, earlier + 1)
        at = [n for n, l in enumerate(lines) if l == READY][earlier - 1] + 1 if earlier else 0
        ordered(lines[at:], BUSY, DONE, 'Message: Waiting for access to metadata...', f'Instance-ID: {i}',
                r'HOSTNAME: WIN-[A-Z0-9]{11}', 'Password: <Password>', '[A-Za-z0-9+/]{342}==', '</Password>', READY)
        equal(lines[at:].count(BUSY), 1, 'said once')
    equal(k.volume(k.root_volume(t['i2']))['SnapshotId'], k.root_snapshot(t['golden']))


def name_of(i):
    return [l.split()[1] for l in text(i) if l.startswith('HOSTNAME: ')][-1]


def test_each_has_a_name_and_a_password_of_its_own():
    names = ['WIN-FIRSTBORN01']
    clears = [t['first']]
    for i, key, who, before in ((t['i2'], t['key2'], 'beta', ['alpha']), (t['i'], t['key'], 'alpha', ['alpha'])):
        seals_itself(i)
        d = snapshot_of(i)
        clears.append(was_told(i, d, key))
        names.append(name_of(i))
        equal(d.c('customised.txt').split(), before + [who], "the image's change, and its own user data")
        seen = seen_by(d, who)
        true(re.search(r'fDenyTSConnections +REG_DWORD +0x0', seen), f'Remote Desktop was open again: {seen}')
        equal(seen.split()[-1].upper(), names[-1], 'the name that it has inside')
        setup = [l.removeprefix('setup: ') for l in d.c('kiln-test/recorded.txt').splitlines() if l.startswith('setup: ')]
        equal(setup[0], 'the agent waits')
        equal([l.partition(': ')[0] for l in setup[1:]], [f'order {n} ends with 0' for n in (1, 2, 3)], 'pass specialize')
        sets = [l for l in d.c('kiln-test/calls.txt').splitlines() if l.startswith('account_set_password')]
        equal(len(sets), 4, "the first boot's, then blank, unknown, the agent's")
    equal(len(set(names)), 3, f'names: {names}')
    equal(len(set(clears)), 3, 'passwords')


def test_the_end_leaves_nothing():
    k.store_check()
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
