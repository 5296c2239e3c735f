# SPDX-License-Identifier: GPL-3.0-or-later
"""Three network namespaces: the service's (this process), a guest's (a router, as a host of containers is), and a
container's behind it. All of them vanish with this process. Needs root."""
import ctypes, os, subprocess

from imdslib import *

CLONE_NEWNS, CLONE_NEWNET, MS_REC, MS_PRIVATE = 0x20000, 0x40000000, 0x4000, 0x40000
SERVICE, GUEST, CONTAINER = '169.254.169.254', '10.77.0.10', '10.88.0.2'

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


def serve(*args):
    return Server(*args, tcp=(SERVICE, '80'))


def inside(where, *argv, **more):
    return subprocess.run(['ip', 'netns', 'exec', where, *map(str, argv)], capture_output=True, text=True,
                          timeout=DEADLINE, **more)
