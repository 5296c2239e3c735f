# SPDX-License-Identifier: GPL-3.0-or-later
"""The three agents as an owner finds them: their files on a machine of winelib's, a launch key, and what a first
boot prints."""
import base64, tempfile
from winelib import *

INSTANCE = {'meta-data/ami-id': 'ami-0123456789abcdef0', 'meta-data/instance-id': 'i-0123456789abcdef0',
            'meta-data/instance-type': 'm5.large', 'meta-data/local-ipv4': '10.0.0.5', 'meta-data/mac': '02:00:00:00:00:01',
            'meta-data/placement/region': 'local-1', 'meta-data/placement/availability-zone': 'local-1a',
            'meta-data/hibernation/configured': 'false'}
SETUP = r'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State'
TERMINAL = r'HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server'
ADMIN = r'HKLM\Software\KilnTest\Accounts\Administrator'
SYSPREP = 'C:\\windows\\system32\\Sysprep\\sysprep.exe'
READY = 'Message: Windows is Ready to use'
VALUE = r'[^\r\n]*'  # of what changes from machine to machine

V2_ROOT = 'C:\\Program Files\\Amazon\\EC2Launch\\'
V2 = V2_ROOT + 'EC2Launch.exe'
V2_SERVICE = V2_ROOT + 'service\\EC2LaunchService.exe'
V2_DATA = 'C:\\ProgramData\\Amazon\\EC2Launch\\'
V2_CONFIG = V2_DATA + 'config\\agent-config.yml'
V1_ROOT = 'C:\\ProgramData\\Amazon\\EC2-Windows\\Launch\\'
V1 = V1_ROOT + 'Library\\Ec2Launch.exe'
V1_CONFIG = V1_ROOT + 'Config\\LaunchConfig.json'
V1_FILES = TOP / 'agent/v1/files'
CONFIG_ROOT = 'C:\\Program Files\\Amazon\\Ec2ConfigService\\'
CONFIG = CONFIG_ROOT + 'Ec2Config.exe'
CONFIG_FILES = TOP / 'agent/ec2config/files'


class Key:
    """A launch key made for this run."""

    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix='kiln-keys-')
        self.path = self.dir.name + '/key.pem'
        subprocess.run(['ssh-keygen', '-q', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', '', '-C', 'mine', '-f', self.path],
                       check=True)
        self.public = open(self.path + '.pub').read()

    def instance(self, **more):
        """Metadata of an instance that was launched with it; a__b_c stands for a/b-c."""
        return INSTANCE | {'meta-data/public-keys/0/openssh-key': self.public} | {
            k.replace('__', '/').replace('_', '-'): v for k, v in more.items()}

    def opened(self, m):
        """The clear text of the password block on the console."""
        sealed = re.search(r'Password: <Password>\r\n([A-Za-z0-9+/=]{344})\r\n</Password>\r\n', m.console())
        true(sealed, "the password block in EC2's form")
        return subprocess.run(['openssl', 'pkeyutl', '-decrypt', '-inkey', self.path], input=base64.b64decode(sealed[1]),
                              capture_output=True, check=True).stdout.decode()


def lay_down(m, source, where):
    """A shipped file, or all of a folder, with the line ends of Windows."""
    for f in source.iterdir() if source.is_dir() else [source]:
        m.write(where + f.name, f.read_bytes().replace(b'\n', b'\r\n'))


def install_v2(m):
    m.install('v2/EC2Launch-stand-in.exe', V2)
    m.install('v2/EC2LaunchService-stand-in.exe', V2_SERVICE)


def install_v1(m):
    m.install('v1/Ec2Launch-v1-stand-in.exe', V1)
    for part in ('Config', 'Scripts', 'Sysprep'):
        lay_down(m, V1_FILES / part, V1_ROOT + part + '\\')
    m.install('stand-in/recorder.exe', SYSPREP)


def install_ec2config(m):
    for name in ('Ec2Config', 'ScramblePassword', 'Ec2WallpaperInfo', 'ec2config-cli'):
        m.install(f'ec2config/{name}-stand-in.exe', CONFIG_ROOT + name + '.exe')
    for part in ('Settings', 'Scripts'):
        lay_down(m, CONFIG_FILES / part, CONFIG_ROOT + part + '\\')
    m.write(CONFIG_ROOT + 'sysprep2008.xml', (CONFIG_FILES / 'sysprep2008.xml').read_bytes())
    m.install('stand-in/recorder.exe', SYSPREP)


def plugin(m, name, state):
    """A plug-in of EC2Config is on or off; one that is not in the file is added."""
    where = CONFIG_ROOT + 'Settings\\Config.xml'
    text = m.read(where)
    new, n = re.subn(rf'(<Name>{re.escape(name)}</Name>\s*<State>)\w+', rf'\g<1>{state}', text)
    if not n:
        new = text.replace('  </Plugins>', f'    <Plugin><Name>{name}</Name><State>{state}</State></Plugin>\n  </Plugins>')
    m.write(where, new)


def boot_ec2config(m):
    """The service as Windows starts it, up to the ready line."""
    m.ok(CONFIG, '-install', '-force')
    m.ok('net', 'start', 'EC2Config')
    m.wait_console(READY)


def pid_of(name):
    """Of the running Windows process of that program."""
    for p in pathlib.Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):
            if (p / 'cmdline').read_bytes().split(b'\0')[0].decode(errors='replace').endswith(name):
                return int(p.name)
    raise Failed(f'{name} does not run')


def small_enough(pid):
    """Waits for the end of that process: it has never had 20 MB, pages of the libraries of Wine and host among them."""
    peak = peak_kib(pid)
    true(0 < peak < 20e6 / 1024, f'at its peak the agent had {peak} KiB')
    print(f'# at its peak the agent had {peak} KiB')


def check_lines(lines, wanted):
    """Each line is the next pattern; one that ends with ')?' or ')*' may be absent."""
    i = 0
    for w in wanted:
        optional = w.endswith((')?', ')*'))
        while i < len(lines) and re.fullmatch(w[:-1] if optional else w, lines[i]):
            i += 1
            if not w.endswith(')*'):
                break
        else:
            if not optional:
                raise Failed(f'line {i + 1}: {lines[i:i + 1]} instead of {w!r} in\n' + '\n'.join(lines))
    equal(lines[i:], [], 'further lines')
