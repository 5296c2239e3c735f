# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests at home: their serial lines, their networks, what of them stands on the host."""
import itertools, os, re, shutil, socket, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

IMDS = '169.254.169.254'
TTL = 'X-aws-ec2-metadata-token-ttl-seconds'
TOKEN = 'X-aws-ec2-metadata-token'


def skip(why):
    print(f'1..0 # SKIP {why}')
    sys.exit(SKIP)


def requires(*programs, root=True):
    """Skips, loudly, what cannot be shown here."""
    if root and os.geteuid() != 0:
        skip('networks of our own need root')
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    for p in programs:
        if not shutil.which(p):
            skip(f'{p} is missing (tools/setup-debian --test)')


def debian():
    """The disk of Debian with cloud-init (built once, cached: a few minutes)."""
    cache = os.environ.get('KILN_CACHE') or os.path.expanduser('~/.cache/kiln')
    path = f'{tempfile.gettempdir()}/kiln-test-debian-{os.getuid()}.img'
    sh(TOP / 'tools/debian-guest', path, env=dict(os.environ, KILN_CACHE=cache), timeout=1800)
    os.chmod(path, 0o644)
    return path


class Line:
    """The serial line of a tiny guest."""
    numbers = itertools.count(1)

    def __init__(self, k, i, seconds=300):
        k.console_line(i, 'GUEST-READY', seconds=seconds)
        self.path = f'{k.home}/instances/{i}/serial.sock'
        self.take()

    def take(self):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(300)
        self.s.connect(self.path)
        self.kept = ''

    def until(self, text):
        while text not in self.kept:
            got = self.s.recv(65536)
            if not got:
                raise Failed(f'the line ended before {text!r}: {self.kept[-500:]!r}')
            self.kept += got.decode(errors='replace').replace('\r', '')
        before, self.kept = self.kept.split(text, 1)
        return before

    def begin(self, command):
        """The marks are typed in two pieces, so that their echo is not them."""
        self.n = next(self.numbers)
        self.s.sendall(f"echo BEG''IN-{self.n}-; {command}; echo EN''D-{self.n}-\n".encode())

    def finish(self):
        """What the command printed."""
        self.until(f'BEGIN-{self.n}-\n')
        return self.until(f'END-{self.n}-\n')

    def run(self, command):
        self.begin(command)
        return self.finish()

    def http(self, path, *headers, method='GET', to=IMDS, timeout=20):
        """Status and body of a request that the guest makes, byte for byte as told."""
        head = '\\r\\n'.join([f'{method} {path} HTTP/1.0', f'Host: {to}', *headers, '', ''])
        got = self.run(f"printf '{head}' | timeout {timeout} nc {to} 80; echo; echo \"nc=$?\"")
        head, _, body = got.partition('\n\n')
        status = re.match(r'HTTP/1\.[01] (\d+)', head)
        return int(status[1]) if status else None, body.rsplit('\nnc=', 1)[0].removesuffix('\n')

    def token(self, ttl=60):
        status, body = self.http('/latest/api/token', f'{TTL}: {ttl}', method='PUT')
        equal(status, 200, 'a token')
        return body

    def get(self, path, token=None):
        status, body = self.http(path, *([f'{TOKEN}: {token}'] if token else []))
        equal(status, 200, path)
        return body

    def opens(self, address, port, seconds=5):
        """Whether the guest can open a connection there."""
        return 'OPEN' in self.run(f"rm -f /tmp/open; nc -w {seconds} {address} {port} -e sh -c 'echo OP''EN >/tmp/open' "
                                  f'2>/dev/null; cat /tmp/open 2>/dev/null')


class Ssh:
    """ssh to a guest: `kiln connect` is its way in."""

    def __init__(self, k, i, key, user='debian'):
        self.key, self.env = f'{k.home}/{i}.pem', k.env()
        with open(os.open(self.key, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), 'w') as f:
            f.write(key)
        self.args = ['ssh', '-F', 'none', '-i', self.key, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes',
                     '-o', 'StrictHostKeyChecking=accept-new', '-o', f'UserKnownHostsFile={k.home}/known_hosts',
                     '-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=120', '-o', f'HostKeyAlias={i}',
                     '-o', f'ProxyCommand={BUILD}/kiln connect {i} --port 22 --stdio', f'{user}@{i}']

    def run(self, command):
        return sh(*self.args, command, env=self.env, timeout=300)


def network(k, i):
    """The only interface of an instance as EC2 shows it."""
    return k.instance(i)['NetworkInterfaces'][0]


def namespace(k, vpc):
    """The network namespace of a VPC of this daemon."""
    found = [n for n in os.listdir('/run/netns') if n.endswith(vpc.removeprefix('vpc-'))]
    equal(len(found), 1, f'namespaces of {vpc}')
    return found[0]
