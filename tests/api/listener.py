#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listener against clients that are slow, rude, broken or many. Plain sockets: no client
library sends what is sent here. Nothing waits for time: every read waits for bytes, under a
deadline."""
import os, re, signal, socket, subprocess, sys, tempfile, threading

DEADLINE = 20
done = 0


def ok(name):
    global done
    done += 1
    print(f'ok {done} - {name}', flush=True)


class Server:
    def __init__(self, home):
        self.p = subprocess.Popen([os.environ['KILN_API_SERVER'], home], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.host, port = self.p.stdout.readline().strip().removeprefix('http://').split(':')
        self.port = int(port)

    def connect(self):
        return socket.create_connection((self.host, self.port), timeout=DEADLINE)

    def stop(self):
        self.p.stdin.close()
        assert self.p.wait(DEADLINE) == 0, 'the server failed'

    def threads(self):
        return len(os.listdir(f'/proc/{self.p.pid}/task'))

    def cpu_ticks(self):
        f = open(f'/proc/{self.p.pid}/stat').read().rsplit(')', 1)[1].split()
        return int(f[11]) + int(f[12])


def answer(s, buf=b''):
    """Status, headers, body of one answer, and what came after it."""
    while b'\r\n\r\n' not in buf:
        got = s.recv(65536)
        if not got:
            raise EOFError(f'the connection ended after {buf!r}')
        buf += got
    head, buf = buf.split(b'\r\n\r\n', 1)
    headers = dict(l.lower().split(b': ', 1) for l in head.split(b'\r\n')[1:])
    n = int(headers[b'content-length'])
    while len(buf) < n:
        buf += s.recv(65536)
    return int(head.split()[1]), headers, buf[:n], buf[n:]


ASK = b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 22\r\n\r\nAction=DescribeRegions'


def asks(server):
    """One ordinary (unsigned) request, answered."""
    with server.connect() as s:
        s.sendall(ASK)
        status, headers, body, _ = answer(s)
        assert status == 400 and b'<Code>MissingParameter</Code>' in body, (status, body)
        rid = headers[b'x-amzn-requestid'].decode()
        assert re.fullmatch(r'[0-9a-f-]{36}', rid) and rid.encode() in body, rid


def keeps_the_connection(server):
    with server.connect() as s:
        ids = set()
        for _ in range(50):
            s.sendall(ASK)
            _, headers, _, _ = answer(s)
            ids.add(headers[b'x-amzn-requestid'])
        assert len(ids) == 50
    ok('one connection carries many requests, each with an id of its own')


def takes_pipelined_requests(server):
    with server.connect() as s:
        s.sendall(ASK * 20)
        rest = b''
        for _ in range(20):
            status, _, _, rest = answer(s, rest)
            assert status == 400
    ok('requests sent ahead are answered in order')


def takes_a_request_in_single_bytes(server):
    with server.connect() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(ASK)):
            s.sendall(ASK[i:i + 1])
        assert answer(s)[0] == 400
    ok('a request may come byte by byte')


def slow_clients_hurt_nobody(server):
    idle = [server.connect() for _ in range(100)]
    for i, s in enumerate(idle):
        s.sendall(ASK[:1 + i % len(ASK)][:len(ASK) - 1])
    before = server.cpu_ticks()
    for _ in range(20):
        asks(server)
    assert server.threads() == 1, 'the api has one thread'
    assert server.cpu_ticks() - before < 100, 'it works hard for nothing'
    for s in idle:
        s.close()
    asks(server)
    ok('a hundred clients that stop in the middle of a request hurt nobody')


def reads_no_more_than_it_must(server):
    with server.connect() as s:
        n = 10 * 1000 * 1000
        s.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n' % n + b'a' * n)
        status, _, body, _ = answer(s)
        assert status == 413 and b'<Code>RequestEntityTooLarge</Code>' in body
        s.sendall(ASK)
        assert answer(s)[0] == 400
    with server.connect() as s:
        s.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
        for _ in range(40):
            s.sendall(b'10000\r\n' + b'a' * 65536 + b'\r\n')
        s.sendall(b'0\r\n\r\n')
        assert answer(s)[0] == 413
    with server.connect() as s:
        s.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n'
                  b'Content-Length: 99999999\r\n\r\n')
        assert answer(s)[0] == 413
    ok('a body over the limit is 413 in XML: announced, chunked, and before it is sent')


def takes_a_chunked_body(server):
    with server.connect() as s:
        s.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
                  b'6\r\nAction\r\n10\r\n=DescribeRegions\r\n0\r\n\r\n')
        assert answer(s)[0] == 400
    ok('a chunked body is read')


RUDE = [
    b'', b'\r\n\r\n', b'\0' * 1000, b'GET', b'GET /\r\n\r\n', b'GET / HTTP/9.9\r\n\r\n',
    b'\x16\x03\x01\x02\x00\x01',
    b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n',
    b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    b'GET /?' + b'a' * 100000 + b' HTTP/1.1\r\nHost: x\r\n\r\n',
    b'GET / HTTP/1.1\r\nHost: x\r\n' + b''.join(b'h%d: v\r\n' % i for i in range(20000)) + b'\r\n',
    b'GET /?%00%zz&&&=&=== HTTP/1.1\r\nHost: x\r\n\r\n',
    b'BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n',
    b'GET / HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 '
    + b'Credential=' * 2000 + b'\r\n\r\n',
]


def survives_rude_clients(server):
    for text in RUDE:
        with server.connect() as s:
            try:
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
            except ConnectionError:
                pass # it was told off already
        asks(server)
    ok(f'{len(RUDE)} broken requests end their own connection and nothing else')


def answers_many_at_once(server):
    failed = []

    def one():
        try:
            with server.connect() as s:
                for _ in range(50):
                    s.sendall(ASK)
                    assert answer(s)[0] == 400
        except Exception as e:
            failed.append(e)
    threads = [threading.Thread(target=one) for _ in range(16)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failed, failed
    ok('sixteen clients at once are all answered')


STORIES = [keeps_the_connection, takes_pipelined_requests, takes_a_request_in_single_bytes,
           slow_clients_hurt_nobody, reads_no_more_than_it_must, takes_a_chunked_body,
           survives_rude_clients, answers_many_at_once]


def main():
    with tempfile.TemporaryDirectory(prefix='kiln-test-') as home:
        server = Server(home)
        try:
            for story in STORIES:
                story(server)
            server.stop()
        finally:
            if server.p.poll() is None:
                server.p.kill()
    print(f'1..{done}')


main()
