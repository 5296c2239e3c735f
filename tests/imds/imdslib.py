# SPDX-License-Identifier: GPL-3.0-or-later
"""The test server, plain sockets to ask it, and stories in TAP. Nothing here waits for time but deadlines."""
import atexit, contextlib, os, pathlib, shutil, signal, socket, subprocess, sys, tempfile, traceback

SERVER = os.environ.get('IMDS_SERVER', 'imds-server')
RELAY = os.environ.get('IMDS_RELAY', 'kiln-imds-relay')
TTL = 'X-aws-ec2-metadata-token-ttl-seconds'
TOKEN = 'X-aws-ec2-metadata-token'
DEADLINE = 30


class Failed(Exception):
    pass


def check(ok, what):
    if not ok:
        raise Failed(str(what))


def iid(ip):
    """The id of the instance that the test server makes of an address."""
    return 'i-000000000' + ''.join(f'{int(n):02x}' for n in ip.split('.'))


class Server:
    def __init__(self, *args, prefix=(), tcp=('127.0.0.1', '0')):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='kiln-imds-test-'))
        argv = [*prefix, SERVER, str(self.dir), *(['--tcp', *tcp] if tcp else []), *map(str, args)]
        self.p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=open(self.dir / 'log', 'wb'), text=True)
        atexit.register(self.end)
        line = self.p.stdout.readline().split()
        check(line[:1] == ['ready'], f'the server says {line}: {self.log()}')
        self.port = int(line[1])

    def log(self):
        return (self.dir / 'log').read_text()

    def restart_instances(self):
        self.p.send_signal(signal.SIGHUP)
        check(self.p.stdout.readline() == 'started\n', 'started')

    def end(self):
        if self.p.poll() is None:
            self.p.terminate()
        status = self.p.wait(DEADLINE)
        self.p.stdin.close(), self.p.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        atexit.unregister(self.end)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        said = self.log() if exc[0] else ''
        status = self.end()
        if exc[0]:
            print('# ' + said.replace('\n', '\n# '))
        else:
            check(status == 0, f'the server ended with {status}')


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.text = body.decode(errors='replace')


class Client:
    """One connection from one address."""

    def __init__(self, server, ip='127.0.0.1', unix=None):
        if unix:
            self.s = socket.socket(socket.AF_UNIX)
            self.s.settimeout(DEADLINE)
            self.s.connect(str(unix))
        else:
            self.s = socket.create_connection(('127.0.0.1', server.port), DEADLINE, (ip, 0))
        self.rest = b''

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())
        return self

    def more(self):
        got = self.s.recv(65536)
        self.rest += got
        return got

    def until(self, end):
        while end not in self.rest:
            check(self.more(), f'the connection ended after {self.rest[:200]}')
        got, self.rest = self.rest.split(end, 1)
        return got

    def answer(self, method='GET'):
        head = self.until(b'\r\n\r\n').decode().split('\r\n')
        headers = {k.lower(): v for k, v in (line.split(': ', 1) for line in head[1:])}
        n = 0 if method == 'HEAD' else int(headers['content-length'])
        while len(self.rest) < n:
            check(self.more(), 'the connection ended inside of a body')
        body, self.rest = self.rest[:n], self.rest[n:]
        return Answer(int(head[0].split()[1]), headers, body)

    def ask(self, path, method='GET', **headers):
        lines = ''.join(f'{k.replace("_", "-")}: {v}\r\n' for k, v in headers.items())
        self.send(f'{method} {path} HTTP/1.1\r\nHost: 169.254.169.254\r\n{lines}\r\n')
        return self.answer(method)

    def token(self, seconds=300):
        a = self.ask('/latest/api/token', 'PUT', **{TTL: seconds})
        check(a.status == 200, f'token: {a.status} {a.text}')
        return a.text

    def ended(self):
        """True when the server closes, or has reset, without another byte."""
        with contextlib.suppress(ConnectionError):
            return not self.rest and not self.s.recv(1)
        return True

    def finished(self):
        """True when the server ends in order: no reset, which would cost a guest the answer."""
        return not self.rest and self.s.recv(1) == b''

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def get(server, path, ip='127.0.0.1', **headers):
    with Client(server, ip) as c:
        return c.ask(path, **headers)


def skip(why):
    print(f'1..0 # SKIP {why}')
    sys.exit(77)


def run(module):
    stories = [(n, f) for n, f in vars(module).items() if n.startswith('test_')]
    only = sys.argv[1:]
    bad = 0
    print(f'1..{len(stories)}')
    for i, (name, fn) in enumerate(stories, 1):
        if only and name not in only:
            continue
        try:
            fn()
            print(f'ok {i} - {name[5:]}', flush=True)
        except Exception:
            bad += 1
            print(f'not ok {i} - {name[5:]}\n# ' + traceback.format_exc().replace('\n', '\n# '), flush=True)
    sys.exit(bad != 0)
