#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that come later: a picture of a screen takes a moment, and nobody else waits for it; who
asked may go away, and the server may end, meanwhile."""
import base64, threading
from apiserver import DEADLINE, Server, ok, plan


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
    server = Server()
    try:
        i = server.instance()
        server.tell('hold')
        others_do_not_wait(server, i)
        who_asked_goes_away(server, i)
        the_connection_goes_on(server, i)
        the_server_ends_meanwhile(server, i)
        plan()
    finally:
        server.end()


main()
