# SPDX-License-Identifier: GPL-3.0-or-later
"""A real kilnd on a directory and port of its own, and a real EC2 client (botocore) that talks to it.

Tests are stories: functions named test_*, run in order by run(); each prints a TAP line. Nothing here
waits for time: it waits for a line of a log, for a file, for a process or for a state, under a deadline.
"""
import atexit, contextlib, glob, json, os, pathlib, pwd, re, select, shutil, signal, socket, subprocess, sys, tempfile, time, traceback

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('KILN_BUILD', TOP / 'build'))
SKIP = 77

try:
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    print('1..0 # SKIP botocore (Debian: awscli) is missing')
    sys.exit(SKIP)


class Failed(Exception):
    pass


def sh(*args, **kw):
    """Runs a program, returns its output; a failure tells what it said."""
    p = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)
    if p.returncode != 0:
        raise Failed(f"{' '.join(map(str, args))}: exit {p.returncode}\n{p.stdout}{p.stderr}")
    return p.stdout


def eventually(what, fn, seconds=60):
    """fn until it is true: for what has no event to wait for (the API is polled by every client)."""
    end = time.monotonic() + seconds
    while True:
        got = fn()
        if got:
            return got
        if time.monotonic() > end:
            raise Failed(f'{what}: not within {seconds} s')
        select.select([], [], [], 0.05)


def procs_with(text):
    """Processes whose command line holds a text: pid -> command line."""
    found = {}
    for p in glob.glob('/proc/[0-9]*/cmdline'):
        with contextlib.suppress(OSError):
            line = open(p, 'rb').read().replace(b'\0', b' ').decode(errors='replace')
            pid = int(p.split('/')[2])
            if text in line and pid != os.getpid():
                found[pid] = line
    return found


def kill_proc(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Kiln:
    """One daemon. Everything of it lies in self.home and ends with the test."""

    def __init__(self, *args, name='kiln', user=None, programs=BUILD):
        """user: the daemon is run as this one, if we are root (who else may become somebody else?).
        programs: where kilnd and its helpers lie."""
        self.kilnd = str(programs / 'kilnd')
        # short, because unix socket paths are; readable by the user that children become
        self.home = tempfile.mkdtemp(prefix=f'{name}-', dir=os.environ.get('TMPDIR', '/tmp'))
        os.chmod(self.home, 0o755)
        self.args, self.daemon, self.starts = list(args), None, 0
        self.as_user = {}
        if user and os.geteuid() == 0:
            self.as_user = {'user': user, 'group': pwd.getpwnam(user).pw_gid, 'extra_groups': []}
            shutil.chown(self.home, user)
        atexit.register(self.close)

    # ---- the daemon -------------------------------------------------------------------------

    def start(self):
        self.starts += 1
        self.log_path = f'{self.home}/kilnd.log'
        log = open(self.log_path, 'ab')
        at = log.tell()
        self.daemon = subprocess.Popen([self.kilnd, '--home', self.home, '--listen', '127.0.0.1:0',
                                        '--stop-timeout', '20', *self.args],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                       **self.as_user)
        log.close()
        self.wait_log('ready on http://', at)
        c = json.load(open(f'{self.home}/credentials'))
        self.endpoint, self.credentials = c['endpoint'], c
        self.ec2 = self.client(c['region'])
        return self

    def client(self, region, service='ec2'):
        c = self.credentials
        return botocore.session.Session().create_client(
            service, region_name=region, endpoint_url=c['endpoint'], aws_access_key_id=c['access_key_id'],
            aws_secret_access_key=c['secret_access_key'], config=Config(retries={'max_attempts': 0}, read_timeout=30))

    def wait_log(self, text, start=0, seconds=30):
        def look():
            if self.daemon.poll() is not None:
                raise Failed(f'kilnd ended with {self.daemon.returncode}:\n{self.log()[-2000:]}')
            with open(self.log_path, 'rb') as f:
                f.seek(start)
                return text.encode() in f.read()
        eventually(f"'{text}' in the daemon's log", look, seconds)

    def log(self):
        return open(self.log_path, errors='replace').read()

    def kill(self):
        """kill -9 of the daemon alone."""
        self.daemon.kill()
        self.daemon.wait()

    def restart(self):
        self.kill()
        return self.start()

    def stop(self):
        """Everything down in order."""
        sh(self.kilnd, '--home', self.home, '--stop', timeout=120)
        self.daemon.wait()

    def close(self):
        if self.daemon and self.daemon.poll() is None:
            with contextlib.suppress(Failed, subprocess.TimeoutExpired):  # networks go in order, or stay behind
                sh(self.kilnd, '--home', self.home, '--stop', timeout=120)
            self.kill()
        for pid in procs_with(self.home):
            kill_proc(pid)
        eventually('the end of all processes of the test', lambda: not procs_with(self.home))
        self.sweep_networks()
        if os.environ.get('KEEP'):
            print(f'# kept: {self.home}')
        else:
            shutil.rmtree(self.home, ignore_errors=True)

    def sweep_networks(self):
        """What a daemon that was killed leaves; its log names what it made. Nothing is there after an orderly end."""
        with contextlib.suppress(OSError, AttributeError):
            for tag, vpc in set(re.findall(r'is up \(kiln-(\w+)-(\w+)\)', self.log())):
                for command in (['ip', 'netns', 'del', f'kiln-{tag}-{vpc}'], ['nft', 'delete', 'table', 'inet', f'kiln_{tag}']):
                    subprocess.run(command, stderr=subprocess.DEVNULL, timeout=30)

    def env(self):
        c = self.credentials
        return dict(os.environ, KILN_HOME=self.home, KILN_ENDPOINT=self.endpoint, AWS_ENDPOINT_URL=self.endpoint,
                    AWS_ACCESS_KEY_ID=c['access_key_id'], AWS_SECRET_ACCESS_KEY=c['secret_access_key'],
                    AWS_DEFAULT_REGION=c['region'], AWS_PAGER='', AWS_EC2_METADATA_DISABLED='true')

    def cli(self, *args, **kw):
        return sh(BUILD / 'kiln', *args, env=self.env(), timeout=180, **kw)

    def aws(self, *args):
        """The real AWS CLI; JSON answers."""
        out = sh('aws', 'ec2', *args, '--endpoint-url', self.endpoint, '--output', 'json', env=self.env(), timeout=120)
        return json.loads(out) if out.strip() else None

    # ---- resources --------------------------------------------------------------------------

    def image(self, ami):
        got = self.ec2.describe_images(ImageIds=[ami])['Images']
        return got[0] if got else None

    def instance(self, i):
        return self.ec2.describe_instances(InstanceIds=[i])['Reservations'][0]['Instances'][0]

    def snapshot(self, s):
        return self.ec2.describe_snapshots(SnapshotIds=[s])['Snapshots'][0]

    def volume(self, v):
        return self.ec2.describe_volumes(VolumeIds=[v])['Volumes'][0]

    def image_settled(self, ami, seconds=120):
        return eventually(f'{ami} available or failed', lambda: (lambda im: im and im['State'] in ('available', 'failed') and im)(self.image(ami)), seconds)

    def image_available(self, ami, seconds=120):
        im = self.image_settled(ami, seconds)
        if im['State'] != 'available':
            raise Failed(f"{ami} is {im['State']}: {im.get('StateReason')}")
        return im

    def instance_is(self, i, state, seconds=120):
        def look():
            now = self.instance(i)
            if now['State']['Name'] == 'terminated' and state != 'terminated':
                raise Failed(f"{i} is terminated: {now.get('StateReason')}")
            return now['State']['Name'] == state and now
        return eventually(f'{i} {state}', look, seconds)

    def import_disk(self, path, fmt='raw', name='disk', platform='Linux', wait=True):
        t = self.ec2.import_image(DiskContainers=[{'Format': fmt, 'Url': f'file://{path}'}], Platform=platform,
                                  TagSpecifications=[{'ResourceType': 'import-image-task', 'Tags': [{'Key': 'Name', 'Value': name}]}])
        ami = t.get('ImageId')
        if not ami:
            ami = eventually('the image of the import', lambda: next((im['ImageId'] for im in self.ec2.describe_images(Owners=['self'])['Images'] if im['Name'] == name), None))
        return (ami, self.image_available(ami)) if wait else (ami, t['ImportTaskId'])

    def run(self, ami, type='t3.nano', wait='running', **kw):
        i = self.ec2.run_instances(ImageId=ami, InstanceType=type, MinCount=1, MaxCount=1, **kw)['Instances'][0]['InstanceId']
        if wait:
            self.instance_is(i, wait)
        return i

    def root_volume(self, i):
        return next(m['Ebs']['VolumeId'] for m in self.instance(i)['BlockDeviceMappings'])

    def root_snapshot(self, ami):
        im = self.image(ami)
        return next(m['Ebs']['SnapshotId'] for m in im['BlockDeviceMappings'] if m['DeviceName'] == im['RootDeviceName'])

    def console_line(self, i, text, seconds=300, count=1):
        """Waits until the guest has printed a text (count times)."""
        path = f'{self.home}/instances/{i}/console.log'

        def look():
            with contextlib.suppress(OSError):
                data = open(path, errors='replace').read()
                if data.count(text) >= count:
                    return data.replace('\r', '')
        return eventually(f"'{text}' on the console of {i}", look, seconds)

    def type(self, i, text):
        """Typed on the instance's serial line."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(f'{self.home}/instances/{i}/serial.sock')
            s.sendall(text.encode())

    def nbd(self, volume, export=''):
        return f'nbd+unix:///{export}?socket={self.home}/volumes/{volume}/nbd.sock'

    def write(self, volume, *commands):
        """Writes to a served volume as a guest would: through its NBD server."""
        sh('qemu-io', '-f', 'raw', *[a for c in commands for a in ('-c', c)], self.nbd(volume), timeout=60)

    def show(self, id):
        """What `kiln show` knows of a resource: EC2's and Kiln's own counters."""
        return next(iter(json.loads(self.cli('show', id, '--json')).values()))

    def store_check(self):
        return self.cli('store', 'check')


def guest(*options):
    """The tiny guest's disk (built once, cached); options of tools/tiny-guest."""
    cache = os.environ.get('KILN_CACHE') or os.path.expanduser('~/.cache/kiln')
    os.makedirs(cache, exist_ok=True)
    path = f'{tempfile.gettempdir()}/kiln-test-guest{"".join(options)}-{os.getuid()}.img'
    sh(TOP / 'tools/tiny-guest', '--pad', '64', *options, path, env=dict(os.environ, KILN_CACHE=cache), timeout=300)
    os.chmod(path, 0o644)
    return path


def code_of(fn, *a, **kw):
    """The EC2 error code and sentence that a call fails with."""
    try:
        fn(*a, **kw)
    except ClientError as e:
        return e.response['Error']['Code'], e.response['Error']['Message']
    raise Failed('the call succeeded')


def equal(got, want, what=''):
    if got != want:
        raise Failed(f'{what}: got {got!r}, want {want!r}')


def true(v, what):
    if not v:
        raise Failed(what)


def run(stories):
    """Runs the stories as TAP; the rest is skipped after a failure, as each builds on the ones before."""
    print(f'1..{len(stories)}', flush=True)
    failed = False
    for n, fn in enumerate(stories, 1):
        title = fn.__name__.removeprefix('test_').replace('_', ' ')
        if failed:
            print(f'not ok {n} - {title} # an earlier story failed', flush=True)
            continue
        try:
            fn()
            print(f'ok {n} - {title}', flush=True)
        except Exception:
            failed = True
            for line in traceback.format_exc().splitlines():
                print(f'# {line}', file=sys.stderr, flush=True)  # what a failed run of the suite shows
            print(f'not ok {n} - {title}', flush=True)
    sys.exit(1 if failed else 0)
