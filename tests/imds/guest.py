#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two real guests on QEMU's user network ask the service through kiln-imds-relay; each finds itself. No privilege needed."""
import os, select, shutil, subprocess, sys, tempfile, pathlib

from imdslib import *

TINY = os.environ.get('TINY_GUEST', 'tools/tiny-guest')
QEMU = 'qemu-system-x86_64'
NET = 'user,id=n0,net=160.0.0.0/4,host=172.31.0.1,dns=172.31.0.2,dhcpstart=172.31.0.10'
BOOT = 120


class Guest:
    def __init__(self, image, sock):
        self.p = subprocess.Popen(
            [QEMU, '-accel', 'tcg,tb-size=64', '-M', 'q35', '-m', '128', '-nodefaults', '-display', 'none', '-no-reboot',
             '-drive', f'if=none,id=d0,format=raw,file={image},snapshot=on', '-device', 'virtio-blk-pci,drive=d0',
             '-netdev', f'{NET},guestfwd=tcp:169.254.169.254:80-cmd:{RELAY} {sock}', '-device', 'virtio-net-pci,netdev=n0',
             '-serial', 'stdio'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self.text = ''

    def until(self, word, *others, seconds=BOOT):
        """What came before a word, when it and the others have come, in any order."""
        while not all(w in self.text for w in (word, *others)):
            check(select.select([self.p.stdout], [], [], seconds)[0], f'{word} did not come after {self.text[-500:]}')
            more = os.read(self.p.stdout.fileno(), 65536)
            check(more, f'the guest ended: {self.text[-500:]}')
            self.text += more.decode(errors='replace').replace('\r', '')
        before, self.text = self.text.split(word, 1)
        return before

    def run(self, command):
        """Output of a command typed at the shell; the marks are not in what is typed."""
        self.p.stdin.write(f"echo BEG''IN; {command}; echo; echo EN''D\n".encode())
        self.until('BEGIN\n')
        return self.until('\nEND').strip('\n')

    def end(self):
        self.p.kill()
        self.p.wait()
        self.p.stdin.close(), self.p.stdout.close()


I = 'http://169.254.169.254/latest'
FETCH = 'wget -q -O - '


def put_token(guest):
    got = guest.run(f"printf 'PUT /latest/api/token HTTP/1.1\\r\\nHost: h\\r\\n{TTL}: 60\\r\\nConnection: close\\r\\n\\r\\n'"
                    ' | nc 169.254.169.254 80')
    return got.split('\n')[-1]


def test_each_guest_finds_itself():
    with tempfile.TemporaryDirectory() as d:
        image = pathlib.Path(d, 'disk')
        subprocess.run([TINY, image], check=True, stdout=subprocess.DEVNULL)
        socks = {ip: pathlib.Path(d, ip) for ip in ('10.1.2.3', '10.1.2.4')}
        with Server(*(a for ip, s in socks.items() for a in ('--unix', s, ip)), tcp=None) as s:
            guests = {ip: Guest(image, sock) for ip, sock in socks.items()}
            try:
                for ip, g in guests.items():
                    g.until('GUEST-READY', 'GUEST-DHCP 172.31.0.10', 'hello\n')  # its user data spoke last
                for ip, g in guests.items():
                    check(g.run(f'{FETCH}{I}/meta-data/instance-id') == iid(ip), f'{ip}: instance-id')
                    check(g.run(f'{FETCH}{I}/user-data') == '#!/bin/sh\necho hello', f'{ip}: user-data')
                tokens = {ip: put_token(g) for ip, g in guests.items()}
                check(all(len(t) == 56 for t in tokens.values()), tokens)
                a, b = guests
                with_token = lambda t: f"{FETCH}--header '{TOKEN}: {t}' {I}/meta-data/local-ipv4 2>&1"
                check(guests[a].run(with_token(tokens[a])) == a, 'its own token')
                check('401' in guests[a].run(with_token(tokens[b])), 'a neighbour\'s token')
                n = guests[a].run(f'i=0; while [ $i -lt 100 ]; do {FETCH}{I}/meta-data/mac || break; i=$((i+1)); done; echo " $i"')
                check(n.split()[-1] == '100', f'100 connections one after the other: {n[-200:]}')
                check(s.p.poll() is None, 'alive')
            finally:
                for g in guests.values():
                    g.end()


if __name__ == '__main__':
    for program in (QEMU, TINY):
        if not shutil.which(program):
            skip(f'{program} is missing')
    run(sys.modules[__name__])
