# SPDX-License-Identifier: GPL-3.0-or-later
"""The api without its daemon (server.c), for stories told with botocore; TAP."""
import os, shutil, socket, subprocess, sys, tempfile

try:
    import botocore.session
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.config import Config
    from botocore.credentials import Credentials
except ImportError:
    print('1..0 # SKIP Debian\'s python3-botocore is missing')
    sys.exit(0)

DEADLINE = 20
done = 0


def ok(name):
    global done
    done += 1
    print(f'ok {done} - {name}', flush=True)


def plan():
    print(f'1..{done}')


def skip(why):
    print(f'1..0 # SKIP {why}')
    sys.exit(0)


class Server:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix='kiln-test-api-')
        self.p = subprocess.Popen([os.environ['KILN_API_SERVER'], self.home], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url, self.key, self.secret, _ = (self.p.stdout.readline().strip() for _ in range(4))

    def client(self):
        return botocore.session.Session().create_client(
            'ec2', region_name='us-east-1', endpoint_url=self.url, aws_access_key_id=self.key,
            aws_secret_access_key=self.secret, config=Config(retries={'max_attempts': 0}))

    def tell(self, line):
        self.p.stdin.write(line + '\n')
        self.p.stdin.flush()
        assert self.p.stdout.readline() == 'done\n'

    def screenshots(self):
        return open(self.home + '/jobs.log').read().count('screenshot ')

    def image(self, platform='Linux'):
        ec2 = self.client()
        before = {i['ImageId'] for i in ec2.describe_images(Owners=['self'])['Images']}
        ec2.import_image(DiskContainers=[{'Format': 'raw', 'Url': '/d.raw'}], Platform=platform)
        after = {i['ImageId'] for i in ec2.describe_images(Owners=['self'])['Images']}
        ami, = after - before
        self.tell('imported ' + ami)
        return ami

    def instance(self, ami=None, **kw):
        i = self.client().run_instances(ImageId=ami or self.image(), MinCount=1, MaxCount=1,
                                        InstanceType='t3.micro', **kw)
        i = i['Instances'][0]['InstanceId']
        self.tell('running ' + i)
        return i

    def end(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()
        shutil.rmtree(self.home)

    def send_raw(self, body):
        """A signed request on a socket of its own."""
        r = AWSRequest('POST', self.url + '/', data=body,
                       headers={'Content-Type': 'application/x-www-form-urlencoded'})
        SigV4Auth(Credentials(self.key, self.secret), 'ec2', 'us-east-1').add_auth(r)
        host, port = self.url.removeprefix('http://').split(':')
        s = socket.create_connection((host, int(port)), timeout=DEADLINE)
        head = ''.join(f'{k}: {v}\r\n' for k, v in r.headers.items())
        s.sendall(f'POST / HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n'
                  f'{head}\r\n{body}'.encode())
        return s

    def wait_for_screenshots(self, n):
        """Each request is one line of the log; an ordinary request is a turn of the loop."""
        ec2 = self.client()
        for _ in range(10000):
            if self.screenshots() >= n:
                return
            ec2.describe_regions(RegionNames=['us-east-1'])
        raise AssertionError(f'{self.screenshots()} of {n} requests arrived')
