#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kiln-serial between a guest that is played here, its log, and clients of all kinds."""
import os, random, re, select, socket, subprocess, sys, tempfile, time, traceback

SERIAL = os.environ['KILN_SERIAL']
LOG_MAX, DROP, RING = 8 << 20, 7 << 20, 256 << 10
DEADLINE = 20


def check(ok, what):
    if not ok:
        raise AssertionError(what)


class Machine:
    """The relay of one machine; self.guest is what QEMU holds."""

    def __init__(self, earlier=b''):
        self.dir = tempfile.TemporaryDirectory()
        self.log = f'{self.dir.name}/console.log'
        open(self.log, 'wb').write(earlier)
        self.guest, line = socket.socketpair()
        door = socket.socket(socket.AF_UNIX)
        door.bind(f'{self.dir.name}/serial.sock')
        door.listen(8)
        log = os.open(self.log, os.O_RDWR)
        high = [os.dup2(fd, 64 + n) for n, fd in enumerate((line.fileno(), door.fileno(), log))]

        def place():
            for n, fd in enumerate(high):
                os.dup2(fd, 3 + n)
        self.relay = subprocess.Popen([SERIAL, self.dir.name], preexec_fn=place, pass_fds=(3, 4, 5), stdin=subprocess.DEVNULL)
        for fd in (line.detach(), door.detach(), log, *high):
            os.close(fd)
        self.guest.settimeout(DEADLINE)

    def client(self):
        """Known to the relay when it returns: it has typed, and the guest has got it."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(DEADLINE)
        s.connect(f'{self.dir.name}/serial.sock')
        s.sendall(b'.')
        check(self.guest.recv(1) == b'.', 'typed')
        return s

    def end(self):
        """QEMU ends; the log is complete when the relay has ended."""
        self.guest.close()
        check(self.relay.wait(DEADLINE) == 0, 'it ends with the line')
        return open(self.log, 'rb').read()

    def ticks(self):
        return sum(int(n) for n in open(f'/proc/{self.relay.pid}/stat').read().rsplit(')', 1)[1].split()[11:13])


def noise(n, seed=1):
    return random.Random(seed).randbytes(n)


def read_until_end(s):
    got = b''
    while piece := s.recv(1 << 16):
        got += piece
    return got


def test_every_byte_is_in_the_log_once_although_a_client_does_not_read():
    m = Machine(b'earlier boot\n')
    idle = m.client()
    sent = b''
    for n in (1, 16, 300, 5000, 100_000, 900_000):      # more than socket and ring hold
        sent += (piece := noise(n, n))
        m.guest.sendall(piece)
    check(m.end() == b'earlier boot\n' + sent, 'the log is what the guest wrote')
    idle.close()


def test_a_client_that_reads_gets_every_byte_and_two_may():
    m = Machine()
    a, b = m.client(), m.client()
    sent, got = noise(3_000_000), {a: bytearray(), b: bytearray()}
    m.guest.setblocking(False)
    at = 0
    while min(map(len, got.values())) < len(sent):
        ready, room, _ = select.select([a, b], [m.guest] if at < len(sent) else [], [], DEADLINE)
        check(ready or room, 'somebody goes on')
        for s in ready:
            got[s] += s.recv(1 << 16)
        if room and at - min(map(len, got.values())) < RING // 2:
            at += m.guest.send(sent[at:at + 10_000])
    check(got[a] == sent and got[b] == sent, 'both have all')
    m.end()


def test_a_slow_client_is_told_what_it_lost():
    m = Machine()
    slow = m.client()
    sent = b''.join(b'line %07d\n' % n for n in range(150_000))
    m.guest.sendall(sent)       # has all gone through the relay when the guest is answered
    m.client()
    got = b''
    while not got.endswith(sent[-100:]):
        got += slow.recv(1 << 16)
    whole = 0       # pieces, and between them how much is missing
    for n, piece in enumerate(re.split(rb'\r\n\[(\d+) bytes came too fast to be shown\]\r\n', got)):
        if n % 2 == 0:
            check(piece == sent[whole:whole + len(piece)], f'piece {n} is in its place')
        whole += int(piece) if n % 2 else len(piece)
    check(n >= 2 and whole == len(sent), 'what it got and what it lost are all')
    check(m.end() == sent, 'the log lost nothing')


def test_what_is_typed_arrives_in_order_although_the_typist_leaves():
    m = Machine()
    a = m.client()
    typed = noise(3000)
    a.sendall(typed)
    a.close()
    got = b''
    while len(got) < len(typed):
        got += m.guest.recv(4096)
    check(got == typed, 'all of it')
    b = m.client()
    b.shutdown(socket.SHUT_WR)      # the end of a script's input is not the end of its interest
    m.guest.sendall(b'answer')
    check(b.recv(100) == b'answer', 'it still listens')
    m.end()


def test_a_guest_that_takes_nothing_costs_no_time():
    m = Machine()
    a = m.client()
    a.settimeout(0.2)
    try:
        while True:
            a.send(noise(65536))     # until nobody takes more
    except TimeoutError:
        pass
    a.close()
    before = m.ticks()
    m.guest.sendall(b'still here')
    time.sleep(1)               # what is looked at: the time that passes
    check(m.ticks() - before < 10, 'it sleeps')
    check(m.end() == b'still here', 'and hears')


def test_more_clients_than_places_wait_their_turn():
    m = Machine()
    eight = [m.client() for _ in range(8)]
    ninth = socket.socket(socket.AF_UNIX)
    ninth.settimeout(DEADLINE)
    ninth.connect(f'{m.dir.name}/serial.sock')
    ninth.sendall(b'9')
    eight[0].close()
    check(m.guest.recv(1) == b'9', 'the ninth has its turn')
    check(len(m.end()) == 0, 'no word in the log')


def test_a_flood_leaves_a_bounded_log_whose_end_is_right():
    m = Machine()
    sent = 0
    block = noise(1 << 20)
    for n in range(40):
        m.guest.sendall(block)
        sent += len(block)
    log = m.end()
    check(len(log) <= LOG_MAX and (sent - len(log)) % DROP == 0, f'{len(log)} bytes')
    check(log == (block * 9)[-len(log):], 'the last part of the flood')


tests = [(n.removeprefix('test_').replace('_', ' '), f) for n, f in list(globals().items()) if n.startswith('test_')]
print(f'1..{len(tests)}', flush=True)
bad = 0
for n, (title, fn) in enumerate(tests, 1):
    try:
        fn()
        print(f'ok {n} - {title}', flush=True)
    except Exception:
        bad = 1
        print('\n'.join(f'# {line}' for line in traceback.format_exc().splitlines()))
        print(f'not ok {n} - {title}', flush=True)
sys.exit(bad)
