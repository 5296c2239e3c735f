#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A token's answer crosses no router unless HttpPutResponseHopLimit says so."""
import socket, struct, subprocess, sys

from imdslib import *
from imdsworld import *

URL = f'http://{SERVICE}/latest'


def curl(where, *args):
    p = subprocess.run(['ip', 'netns', 'exec', where, 'curl', '-sS', '--noproxy', '*', '-m', '3', *args],
                       capture_output=True, text=True)
    return p.stdout if p.returncode == 0 else f'curl: {p.returncode}'


PUT = ['-X', 'PUT', '-H', f'{TTL}: 60', f'{URL}/api/token']


class Wire:
    """What the service sends, as it leaves: (TTL, payload)."""

    def __init__(self):
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.s.bind(('v0', 3))
        self.s.setblocking(False)

    def seen(self):
        got = []
        while True:
            try:
                p, who = self.s.recvfrom(65536)
            except BlockingIOError:
                return got
            if who[1] == 0x800 and who[2] == 4 and p[9] == 6 and p[12:16] == socket.inet_aton(SERVICE):
                ip, size = (p[0] & 15) * 4, struct.unpack('!H', p[2:4])[0]
                got.append((p[8], p[ip + (p[ip + 12] >> 4) * 4:size]))


def test_with_1_the_guest_gets_a_token_and_its_container_does_not():
    with serve() as s:
        wire = Wire()
        token = curl('guest', *PUT)
        check(len(token) == 56, token)
        check(curl('guest', '-H', f'{TOKEN}: {token}', f'{URL}/meta-data/instance-id') == iid(GUEST), 'guest')
        check(curl('container', f'{URL}/meta-data/instance-id') == iid(CONTAINER), 'version 1 crosses')
        seen = wire.seen()
        check({ttl for ttl, data in seen if b'Ttl-Seconds: 60\r\nContent-Type: text/plain\r\nAccept-Ranges: none\r\nContent' in data}
              == {1}, seen)
        check({ttl for ttl, data in seen if data.endswith(iid(CONTAINER).encode())} == {64}, seen)
        check(curl('container', *PUT) == 'curl: 28', 'a token came through')
        seen = [(ttl, data) for ttl, data in wire.seen() if b'Ttl-Seconds' in data]
        check(len(seen) > 1 and {ttl for ttl, _ in seen} == {1}, f'sent again, never further: {seen}')
        check(s.p.poll() is None, 'alive')


def test_with_2_the_container_gets_one_too():
    with serve('--hop', 2, '--required'):
        wire = Wire()
        token = curl('container', *PUT)
        check(len(token) == 56, token)
        check(curl('container', '-H', f'{TOKEN}: {token}', f'{URL}/meta-data/instance-id') == iid(CONTAINER), 'id')
        check({ttl for ttl, data in wire.seen() if b'Ttl-Seconds: 60\r\nContent-Type' in data} >= {2}, 'TTL')


def test_what_waits_in_a_closed_window_goes_no_further():
    """A guest that reads nothing, takes a token and then reads: all its bytes carry the limit."""
    with serve():
        wire = Wire()
        lines = 'import socket,sys\n' \
                f's=socket.create_connection(("{SERVICE}",80))\n' \
                's.sendall(b"GET /latest/dynamic/instance-identity/pkcs7 HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n"*20)\n' \
                f's.sendall(b"PUT /latest/api/token HTTP/1.1\\r\\nHost: h\\r\\n{TTL}: 60\\r\\n\\r\\n")\n' \
                's.sendall(b"GET /latest/meta-data/mac HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n")\n' \
                'n=0\nwhile (d:=s.recv(4096)): n+=len(d)\nprint(n)\n'
        n = subprocess.run(['ip', 'netns', 'exec', 'guest', sys.executable, '-c', lines], capture_output=True, text=True,
                           timeout=DEADLINE, check=True).stdout
        check(int(n) > 20000, n)
        seen = [(ttl, data) for ttl, data in wire.seen() if b'Ttl-Seconds: 60' in data]
        check(seen and {ttl for ttl, _ in seen} == {1}, seen)


if __name__ == '__main__':
    enter_a_world_of_our_own()
    run(sys.modules[__name__])
