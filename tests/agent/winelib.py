# SPDX-License-Identifier: GPL-3.0-or-later
"""A Windows machine of Wine's making for the launch agents: a prefix of its own, COM1 on a pty, and a
metadata service. Only one Wine runs at a time on a machine (a lock); the prepared prefix is cached."""
import contextlib, fcntl, http.server, os, pathlib, pty, re, shutil, signal, subprocess, sys, tempfile, threading, time, traceback, tty

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('KILN_AGENT_BUILD', TOP / 'build-agent'))
CACHE = pathlib.Path(os.environ.get('KILN_CACHE') or os.path.expanduser('~/.cache/kiln'))
WINE = '/usr/lib/wine/wine64'
SERVER = '/usr/lib/wine/wineserver64'
DLLS = pathlib.Path('/usr/lib/x86_64-linux-gnu/wine/x86_64-windows')
SKIP = 77
STAMP = re.compile(rb'^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}Z: ')


class Failed(Exception):
    pass


def skip(why):
    print(f'1..0 # SKIP {why}')
    sys.exit(SKIP)


def need(*programs):
    if not os.access(WINE, os.X_OK):
        skip('Wine (Debian: wine64) is missing')
    for p in programs:
        if not (BUILD / p).exists():
            skip(f'{p} is not built (make agents)')


def wine_env(prefix, **more):
    env = dict(os.environ, WINEPREFIX=str(prefix), WINEARCH='win64', WINEDEBUG='-all',
               WINEDLLOVERRIDES='winedbg.exe=d;mscoree,mshtml=', **more)
    env.pop('DISPLAY', None)
    return env


def forget_sockets(prefix):
    """Takes away the directory of sockets that a prefix names, which Debian's Wine leaves in /tmp."""
    with contextlib.suppress(FileNotFoundError):
        named = prefix / 'wineserver'
        name = named.read_text().strip()
        if re.fullmatch(r'wine-\w{6}', name):
            shutil.rmtree(pathlib.Path('/tmp') / name, ignore_errors=True)
        named.unlink()


def prepared():
    """The prefix that each test copies: made once, its DLLs as links to Wine's own."""
    version = subprocess.run([WINE, '--version'], capture_output=True, text=True).stdout.split()[0]
    done = CACHE / f'wine-prefix-{version}'
    if done.exists():
        return done
    CACHE.mkdir(parents=True, exist_ok=True)
    new = pathlib.Path(tempfile.mkdtemp(prefix='wine-new-', dir=CACHE))
    quiet = dict(env=wine_env(new), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run([WINE, 'wineboot', '-i'], check=True, timeout=300, **quiet)
    subprocess.run([WINE, 'winecfg', '/v', 'win10'], check=True, timeout=60, **quiet)
    subprocess.run([SERVER, '-w'], timeout=60, **quiet)
    forget_sockets(new)  # must not be copied
    for f in (new / 'drive_c/windows/system32').iterdir():
        twin = DLLS / f.name
        if f.is_file() and not f.is_symlink() and twin.exists() and f.read_bytes() == twin.read_bytes():
            f.unlink()
            f.symlink_to(twin)
    new.rename(done)
    return done


class Metadata(http.server.ThreadingHTTPServer):
    """IMDSv2 with the values of a dictionary: path under latest/ -> text or bytes."""
    daemon_threads = True

    def __init__(self, values):
        super().__init__(('127.0.0.1', 0), Answer)
        self.values, self.asked = values, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_address[1]}'


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    TOKEN = 'a-token-of-the-test'

    def log_message(self, *args):
        pass

    def reply(self, status, body=b''):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        right = self.path == '/latest/api/token' and self.headers.get('X-aws-ec2-metadata-token-ttl-seconds')
        self.reply(200 if right else 400, self.TOKEN.encode() if right else b'')

    def do_GET(self):
        path = self.path.removeprefix('/latest/')
        self.server.asked.append(path)
        if self.headers.get('X-aws-ec2-metadata-token') != self.TOKEN:
            return self.reply(401)
        value = self.server.values.get(path)
        if value is None:
            below = sorted({k[len(path):].split('/')[0] for k in self.server.values if k.startswith(path)})
            return self.reply(200, '\n'.join(below).encode()) if path.endswith('/') and below else self.reply(404)
        self.reply(200, value if isinstance(value, bytes) else value.encode())


class Machine:
    def __init__(self, metadata=None, imds=None):
        """metadata: values of a service of our own; imds: another, with an url and a shutdown()."""
        self.lock = open(os.path.join(tempfile.gettempdir(), f'kiln-wine-{os.getuid()}.lock'), 'w')
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='kiln-wine-'))
        try:
            self.prefix = self.dir / 'prefix'
            subprocess.run(['cp', '-a', prepared(), self.prefix], check=True)
            self.c = self.prefix / 'drive_c'
            self.imds = imds or Metadata(metadata or {})
            self.env = wine_env(self.prefix, AWS_EC2_METADATA_SERVICE_ENDPOINT=self.imds.url)
            self.open_console()
            (self.c / 'kiln-test').mkdir()
            self.prepare_registry()
            subprocess.run([SERVER, '-p120'], env=self.env)
        except BaseException:
            shutil.rmtree(self.dir, ignore_errors=True)
            raise

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    def close(self):
        subprocess.run([SERVER, '-k'], env=self.env)
        subprocess.run([SERVER, '-w'], env=self.env, timeout=30)
        os.close(self.slave)
        self.reader.join(10)
        os.close(self.master)
        self.imds.shutdown()
        forget_sockets(self.prefix)
        shutil.rmtree(self.dir, ignore_errors=True)
        self.lock.close()

    def prepare_registry(self):
        """Before Wine starts, in its file: what it reads only then."""
        with open(self.prefix / 'system.reg', 'a', encoding='utf-8') as f:
            f.write(f'\n[Software\\\\Wine\\\\Ports]\n"COM1"="{os.ttyname(self.slave)}"\n')
            for root in ('CurrentControlSet', 'ControlSet001'):  # a service has the machine's environment
                f.write(f'\n[System\\\\{root}\\\\Control\\\\Session Manager\\\\Environment]\n'
                        f'"AWS_EC2_METADATA_SERVICE_ENDPOINT"="{self.imds.url}"\n')

    # ---- COM1 ----

    def open_console(self):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.text, self.news = b'', threading.Condition()
        self.tee = None  # also gets what comes
        self.reader = threading.Thread(target=self.read_console, daemon=True)
        self.reader.start()

    def read_console(self):
        while True:
            try:
                got = os.read(self.master, 4096)
            except OSError:
                return
            if self.tee:
                self.tee(got)
            with self.news:
                self.text += got
                self.news.notify_all()

    def console(self):
        """What came since the last clear, as text."""
        with self.news:
            return self.text.decode('utf-8')

    def clear_console(self):
        with self.news:
            self.text = b''

    def lines(self):
        """Without stamps; a line that must have one and has none is marked."""
        out, inside = [], False
        for line in self.console().encode().split(b'\r\n')[:-1]:
            m = STAMP.match(line)
            bare = inside or line == b'</Password>'
            out.append((line[m.end():] if m else line if bare else b'NO STAMP: ' + line).decode())
            inside = out[-1] == 'Password: <Password>'
        return out

    def wait_console(self, text, seconds=60):
        with self.news:
            if not self.news.wait_for(lambda: text.encode() in self.text, seconds):
                raise Failed(f'{text!r} did not come within {seconds} s:\n{self.text.decode()}')

    # ---- programs ----

    def start(self, *args, **kw):
        kw.setdefault('stdout', subprocess.DEVNULL)
        return subprocess.Popen([WINE, *map(str, args)], env=self.env, stdin=subprocess.DEVNULL,
                                stderr=subprocess.STDOUT, **kw)

    def run(self, *args, seconds=120):
        """Exit code and output (both streams)."""
        with tempfile.TemporaryFile() as out:  # no pipe: Wine's own processes inherit it and live on
            code = self.start(*args, stdout=out).wait(seconds)
            out.seek(0)
            return code, out.read().decode(errors='replace')

    def ok(self, *args, **kw):
        code, out = self.run(*args, **kw)
        if code != 0:
            raise Failed(f'{" ".join(map(str, args))}: exit {code}\n{out}')
        return out

    def install(self, built, where):
        """A built program at a path below C:."""
        to = self.path(where)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(BUILD / built, to)

    # ---- state ----

    def path(self, where):
        return self.c / where.replace('\\', '/').removeprefix('C:/')

    def write(self, where, text):
        to = self.path(where)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self, where):
        return self.path(where).read_text(encoding='utf-8')

    def exists(self, where):
        return self.path(where).exists()

    def set_text(self, key, name, text):
        self.ok('reg', 'add', key, '/v', name, '/t', 'REG_SZ', '/d', text, '/f')

    def set_number(self, key, name, value):
        self.ok('reg', 'add', key, '/v', name, '/t', 'REG_DWORD', '/d', str(value), '/f')

    def value(self, key, name):
        """Type and value as text, or None."""
        code, out = self.run('reg', 'query', key, '/v', name)
        m = re.search(rf'{re.escape(name)} +(REG_\w+) +(.*?)\r?$', out, re.M)
        return (m[1], m[2].strip()) if code == 0 and m else None

    def calls(self):
        """What the stand-in table was asked to do."""
        return self.read('kiln-test/calls.txt').splitlines() if self.exists('kiln-test/calls.txt') else []


def peak_kib(pid):
    """The largest resident size that a process has had, once it has ended (or cannot be seen any more)."""
    peak = 0
    while True:
        try:
            now = re.search(r'VmHWM:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text())
        except OSError:
            now = None
        if not now:
            return peak
        peak = int(now[1])
        threading.Event().wait(0.002)


def equal(got, want, what=''):
    if got != want:
        raise Failed(f'{what}:\n got {got!r}\nwant {want!r}')


def true(v, what):
    if not v:
        raise Failed(what)


def eventually(what, fn, seconds=30):
    """For effects that have no event to wait for."""
    end = time.monotonic() + seconds
    while not fn():
        if time.monotonic() > end:
            raise Failed(f'{what}: not within {seconds} s')
        threading.Event().wait(0.05)


def stories(*fns):
    """Runs each as one TAP line."""
    print(f'1..{len(fns)}', flush=True)
    failed = False
    for n, fn in enumerate(fns, 1):
        title = fn.__name__.removeprefix('test_').replace('_', ' ')
        try:
            fn()
            print(f'ok {n} - {title}', flush=True)
        except Exception:
            failed = True
            for line in traceback.format_exc().splitlines():
                print(f'# {line}', flush=True)
            print(f'not ok {n} - {title}', flush=True)
    sys.exit(1 if failed else 0)
