# SPDX-License-Identifier: GPL-3.0-or-later
"""The net room, driven by drive-net, and guests that are network namespaces on its taps.

Stories are functions test_* of a script, run in order by run(); each prints a TAP line. Needs root.
"""
import atexit, contextlib, glob, os, pathlib, select, shutil, signal, subprocess, sys, tempfile, time, traceback

DRIVE = os.environ.get('DRIVE_NET', 'drive-net')
SKIP = 77
VPC, VPC2 = 'vpc-0aaaaaaaaaaaaaaa1', 'vpc-0aaaaaaaaaaaaaaa2'
SG, SG2, SG3 = 'sg-0bbbbbbbbbbbbbbb1', 'sg-0bbbbbbbbbbbbbbb2', 'sg-0bbbbbbbbbbbbbbb3'
ALL_OUT = 'out,-1,0,0,0.0.0.0/0'
ENV = dict(os.environ, PATH=os.environ.get('PATH', '') + ':/usr/sbin:/sbin', LC_ALL='C')


def skip(why):
    print(f'1..0 # SKIP {why}')
    print(f'SKIP: {why}', file=sys.stderr)
    sys.exit(SKIP)


if os.geteuid() != 0:
    skip('networks need root')
for tool in ('ip', 'nft', 'dnsmasq', 'busybox'):
    if not shutil.which(tool, path=ENV['PATH']):
        skip(f'{tool} is missing')


class Failed(Exception):
    pass


def sh(*args, ok=True, timeout=60, **kw):
    p = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV,
                       timeout=timeout, **kw)
    if ok and p.returncode != 0:
        raise Failed(f"{' '.join(map(str, args))}: exit {p.returncode}\n{p.stdout}")
    return p.stdout if ok else p


def check(cond, what):
    if not cond:
        raise Failed(what)


def eventually(what, fn, seconds=20):
    end = time.monotonic() + seconds
    while True:
        got = fn()
        if got:
            return got
        if time.monotonic() > end:
            raise Failed(f'{what}: not within {seconds} s')
        select.select([], [], [], 0.02)


def fnv(text):
    h = 0xcbf29ce484222325
    for b in text.encode():
        h = ((h ^ b) * 0x100000001b3) & (2**64 - 1)
    return h


class Net:
    """One home with its driver; the home outlives a driver that dies."""

    def __init__(self, *options, home=None):
        self.home = home or tempfile.mkdtemp(prefix='kiln-net.')
        os.chmod(self.home, 0o755)
        self.options, self.guests, self.p = options, [], None
        self.tag = '%08x' % (fnv(os.path.realpath(self.home)) & 0xffffffff)
        self.metric = 1 << 30 | (fnv(os.path.realpath(self.home)) & ((1 << 30) - 1))
        atexit.register(self.end)
        self.start()

    def start(self):
        self.log = open(self.home + '/log', 'a')
        self.p = subprocess.Popen([DRIVE, self.home, *self.options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=self.log, text=True, bufsize=1, env=ENV)
        self.answer('start')

    def answer(self, what, timeout=60):
        r, _, _ = select.select([self.p.stdout], [], [], timeout)
        check(r, f'{what}: no answer in {timeout} s')
        line = self.p.stdout.readline().rstrip('\n')
        if line.startswith('no denied'):
            skip(line)
        return line

    def try_(self, *words):
        self.p.stdin.write(' '.join(map(str, words)) + '\n')
        return self.answer(words)

    def do(self, *words):
        line = self.try_(*words)
        check(line.startswith('ok'), f'{words}: {line}')
        return line[3:]

    def die(self):
        self.p.kill()
        self.p.wait()
        self.p.stdin.close()
        self.p.stdout.close()

    def ns(self, vpc=VPC):
        return f'kiln-{self.tag}-{vpc[4:]}'

    def inside(self, *args, vpc=VPC, **kw):
        return sh('ip', 'netns', 'exec', self.ns(vpc), *args, **kw)

    def vpc(self, vpc=VPC, cidr='172.31.0.0/16', subnets=('172.31.0.0/20', '172.31.16.0/20')):
        self.do('vpc', vpc, cidr, 'ec2.internal', *subnets)

    def eni(self, i):
        return 'eni-0%016x' % i

    def port(self, i, *groups, vpc=VPC, address=None, mac=None, public=None):
        g = Guest(self, i, vpc, address or f'172.31.0.{10 + i}', mac or '02:00:00:00:%02x:%02x' % (i >> 8, i & 255))
        g.tell(*(groups or (SG,)), public=public)
        return g

    def guest(self, i, *groups, **kw):
        """A port with a guest on it that has its address."""
        mac_used = kw.pop('wear', None)
        g = self.port(i, *groups, **kw)
        g.plug(mac_used)
        return g

    def settle(self):
        self.do('settle')

    def left(self):
        """All that carries this home's name."""
        found = [f for f in glob.glob('/run/netns/*') if self.tag in f]
        found += [l for l in os.listdir('/sys/class/net') if l.startswith('k' + self.tag)]
        found += glob.glob(self.home + '/run/net/*/*')
        found += [l for l in sh('ip', 'route', 'show', 'type', 'unreachable').splitlines() if f'metric {self.metric}' in l]
        found += [l for l in sh('nft', 'list', 'tables').splitlines() if self.tag in l]
        for p in glob.glob('/proc/[0-9]*/cmdline'):
            with contextlib.suppress(OSError):
                line = open(p, 'rb').read().replace(b'\0', b' ').decode(errors='replace')
                if self.home in line and 'drive-net' not in line:
                    found.append(f'{p}: {line}')
        return found

    def end(self):
        if self.p is None:
            return
        try:
            if self.p.poll() is not None:
                self.start()
            self.do('purge')
        finally:
            for g in list(self.guests):
                g.end()
            self.die()
            self.p = None
            self.log.close()
        left = self.left()
        if os.environ.get('KEEP'):
            print('# kept', self.home)
        else:
            shutil.rmtree(self.home, ignore_errors=True)
        check(not left, f'left behind: {left}')


class Guest:
    def __init__(self, net, i, vpc, address, mac):
        self.net, self.vpc, self.address, self.mac, self.cable = net, vpc, address, mac, None
        self.eni, self.ns = net.eni(i), f'knt-{os.getpid()}-{i}-{vpc[-1]}'
        net.guests.append(self)

    def tell(self, *groups, public=None):
        self.groups, self.public = groups, public
        self.net.do('port', self.eni, self.vpc, self.mac, self.address + (f'={public}' if public else ''), *groups)

    def plug(self, wear=None, configure=True):
        if not os.path.exists('/run/netns/' + self.ns):
            sh('ip', 'netns', 'add', self.ns)
        self.cable = int(self.net.do('plug', self.eni, self.ns, wear or self.mac))
        if configure:
            self.run('ip', 'addr', 'replace', f'{self.address}/20', 'dev', 'eth0')
            router = '.'.join(self.address.split('.')[:2]) + ('.16.1' if '.16.' in self.address else '.0.1')
            self.run('ip', 'route', 'replace', 'default', 'via', router)
        return self

    def pull(self):
        """The machine ends, as QEMU would."""
        if self.cable:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.cable, signal.SIGKILL)
            self.cable = None
            eventually('the cable is gone', lambda: 'eth0' not in self.run('ip', '-br', 'link'))

    def run(self, *args, **kw):
        return sh('ip', 'netns', 'exec', self.ns, *args, **kw)

    def py(self, code, *args, **kw):
        return self.run(sys.executable, '-c', code, *args, **kw)

    def ping(self, address, timeout=1):
        return self.run('busybox', 'ping', '-c1', '-W', timeout, address, ok=False).returncode == 0

    def serve(self, port, proto='tcp'):
        """Says its address to whoever comes; returns when it listens."""
        p = subprocess.Popen(['ip', 'netns', 'exec', self.ns, sys.executable, '-c', SERVE, proto, str(port), self.address],
                             stdout=subprocess.PIPE, env=ENV)
        atexit.register(p.kill)
        check(p.stdout.readline() == b'ready\n', 'the guest serves')
        return p

    def ask(self, address, port, proto='tcp', timeout=1.0, source=None):
        """What is answered; 'refused', 'silence' or another word of an error."""
        return self.run(sys.executable, '-c', ASK, proto, address, port, timeout, source or '').strip()

    def lease(self, *more):
        """udhcpc takes a lease; the options as a dictionary, {} without a lease."""
        script = self.net.home + '/udhcpc.sh'
        pathlib.Path(script).write_text('#!/bin/sh\n[ "$1" = bound ] && env > $OUT\nexit 0\n')
        os.chmod(script, 0o755)
        out = f'{self.net.home}/lease.{self.ns}'
        with contextlib.suppress(FileNotFoundError):
            os.unlink(out)
        self.run('env', 'OUT=' + out, 'busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-t', '10', '-T', '1', '-s', script, '-O',
                 'staticroutes', '-O', 'mtu', '-O', '249', *more, ok=False)
        if not os.path.exists(out):
            return {}
        return dict(l.rstrip('\n').split('=', 1) for l in open(out) if '=' in l)

    def end(self):
        with contextlib.suppress(Failed):
            self.pull()
        for pid in sh('ip', 'netns', 'pids', self.ns, ok=False).stdout.split():
            if pid.isdigit():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        sh('ip', 'netns', 'del', self.ns, ok=False)
        self.net.guests.remove(self)


class World:
    """What is outside: a namespace behind a link of the host's."""

    def __init__(self, net='198.51.100'):
        self.address, self.host = net + '.2', net + '.1'
        self.ns, self.link, self.procs = f'knt-{os.getpid()}-world', f'knt{os.getpid()}', []
        if 'dev' in sh('ip', 'route', 'show', net + '.0/24') + sh('ip', 'addr', 'show', 'to', net + '.0/24'):
            skip(f'{net}.0/24 is in use')
        atexit.register(self.end)
        sh('ip', 'netns', 'add', self.ns)
        sh('ip', 'link', 'add', self.link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', self.ns)
        sh('ip', 'addr', 'add', self.host + '/24', 'dev', self.link)
        sh('ip', 'link', 'set', self.link, 'up')
        self.run('ip', 'addr', 'add', self.address + '/24', 'dev', 'eth0')
        self.run('ip', 'link', 'set', 'eth0', 'up')

    def run(self, *args, **kw):
        return sh('ip', 'netns', 'exec', self.ns, *args, **kw)

    def serve(self, port, proto='tcp', word='x', where=None):
        p = subprocess.Popen([*(['ip', 'netns', 'exec', self.ns] if where is None else where), sys.executable, '-c', SERVE,
                              proto, str(port), word], stdout=subprocess.PIPE, env=ENV)
        self.procs.append(p)
        check(p.stdout.readline() == b'ready\n', 'serves')

    def ask(self, address, port, proto='tcp', timeout=1.0, source=None):
        return self.run(sys.executable, '-c', ASK, proto, address, port, timeout, source or '').strip()

    def ping(self, address):
        return self.run('busybox', 'ping', '-c1', '-W', '1', address, ok=False).returncode == 0

    def end(self):
        for p in self.procs:
            p.kill()
        sh('ip', 'link', 'del', self.link, ok=False)
        sh('ip', 'netns', 'del', self.ns, ok=False)


SERVE = r'''
import socket, sys
proto, port, word = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if proto == 'tcp' else socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('', port))
if proto == 'tcp': s.listen(16)
print('ready', flush=True)
while True:
    if proto == 'tcp':
        c, peer = s.accept(); c.sendall(word + b' sees ' + peer[0].encode()); c.close()
    else:
        d, peer = s.recvfrom(2000); s.sendto(word + b' sees ' + peer[0].encode(), peer)
'''
ASK = r'''
import socket, sys
proto, addr, port, timeout, source = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if proto == 'tcp' else socket.SOCK_DGRAM)
s.settimeout(timeout)
try:
    if source: s.bind((source, 0))
    s.connect((addr, port))
    if proto == 'udp': s.send(b'hello')
    print(s.recv(2000).decode())
except socket.timeout: print('silence')
except ConnectionRefusedError: print('refused')
except OSError as e: print(e.strerror)
'''


# A frame, as it is
FRAME = r'''
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind((sys.argv[1], 0)); s.send(bytes.fromhex(sys.argv[2]))
'''
# The beginnings of all frames that come from others, until the fence
HEAR = r'''
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(('eth0', 3))
print('ready', flush=True)
while True:
    f, a = s.recvfrom(2000)
    if a[2] == 4: continue
    if f.endswith(b'fence'): break
    print(f[:34].hex(), flush=True)
'''


def host_asks(address, port, proto='tcp', timeout=1.0, source=None):
    return sh(sys.executable, '-c', ASK, proto, address, port, timeout, source or '').strip()


def hexip(a):
    return ''.join('%02x' % int(x) for x in a.split('.'))


def hexmac(m):
    return m.replace(':', '')


def ip_packet(source, to, payload='0400' + '0400' + '000c' + '0000' + '41414141', proto='11', ttl='40'):
    head = '4500%04x00000000%s%s0000' % (20 + len(payload) // 2, ttl, proto) + hexip(source) + hexip(to)
    total = sum(int(head[i:i + 4], 16) for i in range(0, 40, 4))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return head[:20] + '%04x' % (total ^ 0xffff) + head[24:] + payload


def dhcp_message(kind, mac, address, server='172.31.0.1'):
    return ('01010600' + '12345678' + '00000000' + hexip(address) + '00' * 12 + hexmac(mac) + '00' * 10 + '00' * 192 + '63825363' +
            '3501%02x' % kind + '3604' + hexip(server) + 'ff')


def fence(guest):
    """What was sent to the guest before has arrived: a datagram from the router comes behind it."""
    guest.net.inside(sys.executable, '-c', 'import socket,sys;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);'
                     's.sendto(b"fence",(sys.argv[1],9))', guest.address, vpc=guest.vpc)


def frames_heard(guest, fn):
    """Frames that arrive at the guest while fn runs."""
    p = subprocess.Popen(['ip', 'netns', 'exec', guest.ns, sys.executable, '-c', HEAR], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True, env=ENV)
    p.stdout.readline()
    fn()
    fence(guest)
    out, _ = p.communicate(timeout=20)
    return out.split()


def run(module):
    tests = [(k, f) for k, f in vars(module).items() if k.startswith('test_')]
    only = sys.argv[1:]
    print(f'1..{len(tests)}')
    bad = 0
    for i, (name, f) in enumerate(tests, 1):
        if only and name not in only:
            continue
        try:
            begin = time.monotonic()
            f()
            print(f'ok {i} - {name[5:].replace("_", " ")} # {time.monotonic() - begin:.1f} s', flush=True)
        except Exception:  # a story tells its failure and the next one begins
            bad += 1
            print(f'not ok {i} - {name[5:].replace("_", " ")}')
            for line in traceback.format_exc().splitlines():
                print('# ' + line, flush=True)
            if os.environ.get('STOP'):
                break
    sys.exit(1 if bad else 0)
