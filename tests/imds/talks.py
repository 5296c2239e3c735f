#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to the metadata service: whole ones, cut ones, rude ones."""
import contextlib, pathlib, socket, subprocess, sys, tempfile

from imdslib import *

ID = '/latest/meta-data/instance-id'
GET = f'GET {ID} HTTP/1.1\r\nHost: h\r\n\r\n'
ME = iid('127.0.0.1').encode()


def test_one_connection_serves_many_requests():
    with Server() as s, Client(s) as c:
        for _ in range(50):
            a = c.ask(ID)
            check(a.status == 200 and a.body == ME, a.text)
            check(a.headers['server'] == 'EC2ws' and a.headers['connection'] == 'keep-alive', a.headers)


def test_curl_takes_a_token_and_uses_it():
    with Server('--required') as s:
        url = f'http://127.0.0.1:{s.port}/latest'
        curl = lambda *a: subprocess.run(['curl', '-sS', '--noproxy', '*', *a], capture_output=True, text=True, check=True).stdout
        check('<title>401 - Unauthorized</title>' in curl(f'{url}/meta-data/'), 'refused without')
        t = curl('-X', 'PUT', '-H', f'{TTL}: 60', f'{url}/api/token')
        check(curl('-H', f'{TOKEN}: {t}', f'{url}/meta-data/instance-id') == ME.decode(), t)
        check(curl('-o', '/dev/null', '-w', '%{http_code}', '-T', '/etc/hostname', '-H', f'{TTL}: 60', f'{url}/api/token') == '200',
              'a PUT with a body')


def test_pipelined_requests_are_answered_in_order():
    with Server() as s, Client(s) as c:
        c.send(''.join(f'GET /latest/meta-data/{n} HTTP/1.1\r\nHost: h\r\n\r\n' for n in ['mac', 'none', 'instance-id'] * 60))
        for _ in range(60):
            check(c.answer().body == b'02:00:7f:00:00:01', 'mac')
            check(c.answer().status == 404, 'none')
            check(c.answer().body == ME, 'instance-id')


def test_a_head_may_come_byte_by_byte():
    with Server() as s, Client(s) as c:
        c.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for b in ('\r\n' + GET).encode():
            c.send(bytes([b]))
        check(c.answer().body == ME, 'id')


def test_head_has_the_length_and_no_body():
    with Server() as s, Client(s) as c:
        a = c.ask(ID, 'HEAD')
        check(a.headers['content-length'] == str(len(ME)) and a.body == b'', a.headers)
        check(c.ask(ID).body == ME, 'the next answer follows at once')


def test_bodies_are_dropped():
    with Server() as s, Client(s) as c:
        c.send(f'GET {ID} HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /' + GET)
        check([c.answer().body, c.answer().body] == [ME, ME], 'both')
        c.send(f'PUT /latest/api/token HTTP/1.1\r\nHost: h\r\n{TTL}: 9\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
        check(c.until(b'\r\n\r\n') == b'HTTP/1.1 100 Continue', 'go on')
        check(c.send('body').answer().status == 200, 'token')
        check(c.send(GET).answer().body == ME, 'after it')


def test_close_is_kept():
    with Server() as s:
        with Client(s) as c:
            a = c.ask(ID, Connection='close')
            check(a.headers['connection'] == 'close' and a.body == ME and c.ended(), a.headers)
        with Client(s) as c:
            check(c.send(f'GET {ID} HTTP/1.0\n\n').answer().body == ME and c.ended(), '1.0')
        with Client(s) as c:
            c.send(GET).s.shutdown(socket.SHUT_WR)
            check(c.answer().body == ME and c.ended(), 'half closed')


def test_bad_requests_are_refused_and_ended_with_the_answer_read():
    cases = [('nonsense\r\n\r\n', 400), ('GET / HTTP/1.1\r\n\r\n', 400), ('GET / HTTP/3.0\r\nHost: h\r\n\r\n', 505),
             ('A' * 5000, 414), ('GET / HTTP/1.1\r\nHost: h\r\n' + 'X: y\r\n' * 3000, 431),
             ('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n', 501),
             ('PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999999\r\n\r\n' + 'x' * 100000, 413),
             ('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + 'z' * 3000 + '\n\n', 414)]
    with Server() as s:
        for data, status in cases:
            with Client(s) as c:
                a = c.send(data.encode('latin-1')).answer()
                check(a.status == status and a.headers['connection'] == 'close', f'{data[:40]!r}: {a.status}')
                check(c.finished(), f'{data[:40]!r}: not ended')


def test_a_head_that_does_not_end_is_408():
    with Server() as s, Client(s) as c:
        check(c.send(GET[:20]).answer().status == 408 and c.finished(), 'after ten seconds')


def test_tokens_die_with_the_instance_and_serve_no_other():
    with Server() as s:
        with Client(s) as c:
            t = c.token()
            check(c.ask(ID, **{TOKEN: t}).status == 200, 'mine')
            check(get(s, ID, '127.0.0.2', **{TOKEN: t}).status == 401, 'not another\'s')
            s.restart_instances()
            check(c.ask(ID, **{TOKEN: t}).status == 401, 'not after a stop')
            check(c.ask(ID, **{TOKEN: c.token()}).status == 200, 'a new one')
        with Client(s) as c:
            t = c.token(1)
            end = c.ask(ID, **{TOKEN: t})
            while end.status in (200, 503):  # one second: the shortest there is; longer than the burst
                end = c.ask(ID, **{TOKEN: t})
            check(end.status == 401, end.status)


def test_user_data_of_16_kib_goes_through_a_slow_reader():
    with tempfile.NamedTemporaryFile() as f:
        data = bytes(range(256)) * 64
        f.write(data), f.flush()
        with Server('--user-data', f.name) as s, Client(s) as c:
            c.send('GET /latest/user-data HTTP/1.1\r\nHost: h\r\n\r\n' * 500)  # 8 MiB: more than sockets hold
            check(get(s, ID).body == ME, 'others are not kept waiting')
            for _ in range(500):
                a = c.answer()
                check(a.body == data and a.headers['content-type'] == 'application/octet-stream', len(a.body))


def test_what_is_absent_is_404():
    with Server('--bare') as s:
        for path in ['user-data', 'meta-data/public-keys/', 'meta-data/tags/instance/', 'meta-data/public-ipv4', 'meta-data/iam/']:
            check(get(s, '/latest/' + path).status == 404, path)
        check('public' not in get(s, '/latest/meta-data/').text and 'user-data' not in get(s, '/latest/').text, 'listed')


def test_disabled_means_403_and_unknown_404():
    with Server('--disabled') as s, Client(s) as c:
        check([c.ask('/').status, c.ask(ID, 'PUT').status, c.ask('/x').status] == [403] * 3, 'disabled')
    with Server('--unknown') as s:
        check(get(s, ID).status == 404 and s.log() == '', 'unknown')


def test_no_mistake_of_the_owner_shows_anothers_data():
    with Server('--wrong') as s:
        a = get(s, ID)
        check(a.status == 500 and b'i-' not in a.body, a.text)
        for _ in range(20):
            get(s, ID)
        check(s.log().count("instance 'i-0000000000a090807' was found for '127.0.0.1'") == 1, 'told, once: ' + s.log())
    with Server('--broken') as s:
        check(get(s, ID).status == 500 and 'the disk is gone' in s.log(), 'failed')


def test_a_connection_serves_one_instance_for_life():
    with Server('--moves') as s, Client(s) as c:
        first = c.ask(ID).text
        s.restart_instances()
        check(c.send(GET).ended(), 'the address is another instance\'s now')
        check(get(s, ID).text not in (first, ''), 'which is asked anew')


def test_a_socket_of_its_own_is_an_identity():
    with tempfile.TemporaryDirectory() as d:
        u = pathlib.Path(d, 'imds.sock')
        with Server('--unix', u, '10.1.2.3', '--required', tcp=None) as s, Client(s, unix=u) as c:
            check(c.ask(ID).status == 401, 'no token')
            check(c.ask(ID, **{TOKEN: c.token()}).text == iid('10.1.2.3'), 'id')
            relay = subprocess.Popen([RELAY, u], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            out, _ = relay.communicate(b'PUT /latest/api/token HTTP/1.1\r\nHost: h\r\n' + TTL.encode() + b': 60\r\n\r\n', DEADLINE)
            check(out.startswith(b'HTTP/1.1 200') and relay.returncode == 0, out)
            ours, theirs = socket.socketpair()  # as QEMU does it: one socket for both
            ours.settimeout(DEADLINE)
            relay = subprocess.Popen([RELAY, u], stdin=theirs, stdout=theirs)
            theirs.close()
            ours.sendall(f'GET {ID} HTTP/1.1\r\nHost: h\r\n{TOKEN}: {c.token()}\r\nConnection: close\r\n\r\n'.encode())
            got = b''
            while chunk := ours.recv(4096):
                got += chunk
            check(got.endswith(iid('10.1.2.3').encode()) and relay.wait(DEADLINE) == 0, got)
        check(subprocess.run([RELAY, u], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE).returncode == 1, 'nobody there')


def test_an_instance_has_64_connections_and_idle_ones_give_way():
    with Server() as s:
        cs = [Client(s) for _ in range(64)]
        for c in cs:
            c.send(GET[:10])  # busy: inside of a head
        check(all(c.s.getpeername() for c in cs), 'connected')
        check(get(s, ID, '127.0.0.2').status == 200, 'another instance is welcome')
        with contextlib.suppress(ConnectionResetError), Client(s) as extra:
            check(extra.ended(), 'the 65th is turned away')
        check(cs[5].send(GET[10:]).answer().body == ME, 'the others go on')  # and cs[5] is idle now
        check(get(s, ID).body == ME, 'room was made')
        check(cs[5].ended(), 'by the idle one')
        for c in cs:
            c.close()


if __name__ == '__main__':
    run(sys.modules[__name__])
