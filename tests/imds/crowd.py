#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many instances at once: no wrong answer; and one that floods harms only itself."""
import os, socket, statistics, sys, threading, time

from imdslib import *

ID = '/latest/meta-data/instance-id'
GUESTS = 20
REQUESTS = 500


def guest(server, ip, times, wrong):
    """Asks for what is its own, with and without token, on new and kept connections."""
    try:
        mine = {ID: iid(ip), '/latest/meta-data/local-ipv4': ip,
                '/2021-03-23/meta-data/mac': '02:00:' + ':'.join(f'{int(n):02x}' for n in ip.split('.'))}
        asked = 0
        while asked < REQUESTS:
            with Client(server, ip) as c:
                token = c.token()
                asked += 1
                for i in range(min(24, REQUESTS - asked)):
                    path = list(mine)[i % 3]
                    begin = time.perf_counter()
                    a = c.ask(path, **{TOKEN: token})
                    times.append(time.perf_counter() - begin)
                    asked += 1
                    if a.status != 200 or a.text != mine[path]:
                        wrong.append(f'{ip} {path}: {a.status} {a.text[:60]}')
    except Exception as e:
        wrong.append(f'{ip}: {e!r}')


def crowd(server):
    times, wrong = [], []
    threads = [threading.Thread(target=guest, args=(server, f'127.0.1.{n}', times, wrong)) for n in range(1, GUESTS + 1)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(not wrong, wrong[:5])
    return times


def test_20_guests_ask_10000_times_and_get_no_wrong_answer():
    with Server('--required') as s:
        times = crowd(s)
        print(f'# {len(times)} answers under load: median {statistics.median(times) * 1000:.2f} ms')


def test_an_answer_takes_less_than_2_ms():
    with Server('--required') as s, Client(s) as c:
        token, times = c.token(), []
        for _ in range(500):
            begin = time.perf_counter()
            c.ask(ID, **{TOKEN: token})
            times.append(time.perf_counter() - begin)
        print(f'# median {statistics.median(times) * 1e6:.0f} us')
        check(statistics.median(times) < 0.002, 'median')


def test_above_the_rate_the_answer_is_503_and_comes_slowly():
    with Server('--rate', 50) as s, Client(s) as c:
        seen = [c.ask(ID).status for _ in range(50)]
        begin = time.monotonic()
        seen += [c.ask(ID).status for _ in range(60)]
        check(set(seen) == {200, 503} and seen[:50] == [200] * 50, seen)
        check(time.monotonic() - begin > 0.5, 'paused')
        a = None
        while a is None or a.status != 200:
            a = c.ask(ID)
        check(a.text == iid('127.0.0.1'), 'served again')
        check(get(s, ID, '127.0.0.2').status == 200, 'another instance never noticed')


def flood(server, stop, kind):
    """What a bad guest may do."""
    request = b'GET /latest/dynamic/instance-identity/pkcs7 HTTP/1.1\r\nHost: h\r\n\r\n' * 50
    held = []
    while not stop.is_set():
        try:
            c = socket.create_connection(('127.0.0.1', server.port), 2, ('127.0.0.9', 0))
            c.settimeout(1)
            if kind == 'requests':
                for _ in range(20):
                    c.sendall(request)
                    c.recv(65536)
            elif kind == 'never reads':
                c.sendall(request)
            elif kind == 'garbage':
                c.sendall(os.urandom(3000) + b'\n\n')
            held = (held + [c])[-80:] if kind == 'never reads' else []
        except OSError:
            pass


def test_a_flooding_guest_harms_nobody():
    for kind in ['requests', 'connections', 'garbage', 'never reads']:
        with Server() as s:
            stop = threading.Event()
            bad = threading.Thread(target=flood, args=(s, stop, kind))
            bad.start()
            times = []
            try:
                with Client(s, '127.0.0.2') as c:
                    for _ in range(300):
                        begin = time.perf_counter()
                        a = c.ask(ID)
                        times.append(time.perf_counter() - begin)
                        check(a.status == 200 and a.text == iid('127.0.0.2'), f'{kind}: {a.status}')
                for _ in range(20):
                    check(get(s, ID, '127.0.0.3').text == iid('127.0.0.3'), f'{kind}: a new connection')
            finally:
                stop.set()
                bad.join()
            print(f'# {kind}: median of a quiet neighbour {statistics.median(times) * 1000:.2f} ms')
            check(statistics.median(times) < 0.02, kind)


if __name__ == '__main__':
    run(sys.modules[__name__])
