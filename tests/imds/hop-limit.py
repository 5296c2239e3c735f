#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A token's answer crosses no router unless HttpPutResponseHopLimit says so. Three network namespaces: the service's,
the guest's (a router, as a host of containers is), and a container's; all of them vanish with this process."""
import ctypes, os, socket, struct, subprocess, sys

from imdslib import *

CLONE_NEWNS, CLONE_NEWNET, MS_REC, MS_PRIVATE = 0x20000, 0x40000000, 0x4000, 0x40000
SERVICE, GUEST, CONTAINER = '169.254.169.254', '10.77.0.10', '10.88.0.2'
URL = f'http://{SERVICE}/latest'

WORLD = f'''
ip netns add guest
ip netns add container
ip link set lo up
ip link add v0 type veth peer name v1 netns guest
ip addr add 10.77.0.1/24 dev v0
ip addr add {SERVICE}/32 dev v0
ip link set v0 up
ip route add 10.88.0.0/24 via {GUEST}
ip -n guest addr add {GUEST}/24 dev v1
ip -n guest link set v1 up
ip -n guest route add {SERVICE}/32 dev v1
ip -n guest link add v2 type veth peer name v3 netns container
ip -n guest addr add 10.88.0.1/24 dev v2
ip -n guest link set v2 up
ip netns exec guest sysctl -qw net.ipv4.ip_forward=1
ip -n container addr add {CONTAINER}/24 dev v3
ip -n container link set v3 up
ip -n container route add default via 10.88.0.1
'''


def enter_a_world_of_our_own():
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0:
        skip('network namespaces need root')
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        skip(f'unshare: {os.strerror(ctypes.get_errno())}')
    libc.mount(b'none', b'/', None, MS_REC | MS_PRIVATE, None)
    check(libc.mount(b'tmpfs', b'/run', b'tmpfs', 0, None) == 0, 'a /run of our own')
    for line in WORLD.strip().split('\n'):
        try:
            subprocess.run(line.split(), check=True, capture_output=True, text=True)
        except FileNotFoundError as e:
            skip(f'{e.filename} is missing')
        except subprocess.CalledProcessError as e:
            raise Failed(f'{line}: {e.stderr}')


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


def serve(*args):
    return Server(*args, tcp=(SERVICE, '80'))


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
