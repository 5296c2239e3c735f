#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that come later: a picture of a screen takes a moment, and nobody else waits for it; who
asked may go away, and the server may end, meanwhile."""
import base64, os, shutil, socket, subprocess, sys, tempfile, threading

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


class Server:
    def __init__(self, home):
        self.home = home
        self.p = subprocess.Popen([os.environ['KILN_API_SERVER'], home], stdin=subprocess.PIPE,
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

    def instance(self):
        ec2 = self.client()
        ec2.import_image(DiskContainers=[{'Format': 'raw', 'Url': '/d.raw'}], Platform='Linux')
        ami = ec2.describe_images(Owners=['self'])['Images'][0]['ImageId']
        self.tell('imported ' + ami)
        i = ec2.run_instances(ImageId=ami, MinCount=1, MaxCount=1, InstanceType='t3.micro')
        i = i['Instances'][0]['InstanceId']
        self.tell('running ' + i)
        return i

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


def others_do_not_wait(server, i):
    got = []
    t = [threading.Thread(target=lambda: got.append(
        server.client().get_console_screenshot(InstanceId=i))) for _ in range(5)]
    for x in t:
        x.start()
    server.wait_for_screenshots(5)
    assert not got
    ok('other requests are answered while five wait')
    server.tell('release')
    for x in t:
        x.join(DEADLINE)
    assert len(got) == 5
    for g in got:
        assert base64.b64decode(g['ImageData']) == b'\xff\xd8\xff', g
        assert g['InstanceId'] == i
        assert len(g['ResponseMetadata']['RequestId']) == 36
    ok('each gets its own answer in the end')


def who_asked_goes_away(server, i):
    server.tell('hold')
    n = server.screenshots()
    gone = [server.send_raw(f'Action=GetConsoleScreenshot&Version=2016-11-15&InstanceId={i}')
            for _ in range(3)]
    server.wait_for_screenshots(n + 3)
    for s in gone:
        s.close()
    server.tell('release')
    assert server.client().get_console_screenshot(InstanceId=i)['InstanceId'] == i
    ok('a client that left harms nobody')


def the_connection_goes_on(server, i):
    server.tell('hold')
    n = server.screenshots()
    s = server.send_raw(f'Action=GetConsoleScreenshot&Version=2016-11-15&InstanceId={i}')
    s.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 22\r\nConnection: close\r\n\r\n'
              b'Action=DescribeRegions')
    server.wait_for_screenshots(n + 1)
    server.tell('release')
    all_ = b''
    while (got := s.recv(65536)):
        all_ += got
    assert all_.count(b'HTTP/1.1 ') == 2 and all_.index(b'imageData') < all_.index(b'<Code>'), all_
    s.close()
    ok('a pipelined request behind it is answered after it')


def the_server_ends_meanwhile(server, i):
    server.tell('hold')
    n = server.screenshots()
    s = server.send_raw(f'Action=GetConsoleScreenshot&Version=2016-11-15&InstanceId={i}')
    server.wait_for_screenshots(n + 1)
    server.p.stdin.close()
    assert server.p.wait(DEADLINE) == 0
    assert s.recv(1) == b''
    s.close()
    ok('the server ends orderly while somebody waits')


def main():
    home = tempfile.mkdtemp(prefix='kiln-test-later-')
    server = Server(home)
    try:
        i = server.instance()
        server.tell('hold')
        others_do_not_wait(server, i)
        who_asked_goes_away(server, i)
        the_connection_goes_on(server, i)
        the_server_ends_meanwhile(server, i)
        print(f'1..{done}')
    finally:
        if server.p.poll() is None:
            server.p.kill()
            server.p.wait()
        shutil.rmtree(home)


main()
