# SPDX-License-Identifier: GPL-3.0-or-later
"""kilnd's half of "kiln connect": hands out sockets at RUN/connect.sock, which lead to servers here.

Usage: connector.py RUN

Ports of the guest, by number:
  7   echo, ends when the client does            9   reads to the end, then says how much
  13  speaks first, ends its side, then reads, and writes what it got into RUN/got
  22  refused by the guest                       25  says 'hello' and keeps the line open
  19  sends without end                          99  kilnd goes away without an answer
All others: kilnd refuses. Requests are told on standard output, one a line.
"""
import array
import os
import socket
import sys
import threading

RUN = sys.argv[1]


def echo(s):
    while data := s.recv(65536):
        s.sendall(data)


def count(s):
    n = 0
    while data := s.recv(65536):
        n += len(data)
    s.sendall(b'%d\n' % n)


def first(s):
    s.sendall(b'first\n')
    s.shutdown(socket.SHUT_WR)
    got = b''
    while data := s.recv(65536):
        got += data
    with open(f'{RUN}/got.new', 'wb') as f:
        f.write(got)
    os.rename(f'{RUN}/got.new', f'{RUN}/got')


def hold(s):
    s.sendall(b'hello\n')
    while s.recv(65536):
        pass


def flood(s):
    while True:
        s.sendall(b'x' * 65536)


def serve(listener, story):
    def talk(s):
        try:
            story(s)
        except OSError:
            pass
        s.close()
    while True:
        s, _ = listener.accept()
        threading.Thread(target=talk, args=(s,), daemon=True).start()


def start(story):
    listener = socket.create_server(('127.0.0.1', 0), backlog=200)
    threading.Thread(target=serve, args=(listener, story), daemon=True).start()
    return listener.getsockname()[1]


PORTS = {7: start(echo), 9: start(count), 13: start(first), 19: start(flood), 25: start(hold)}
with socket.create_server(('127.0.0.1', 0)) as free:
    PORTS[22] = free.getsockname()[1]  # nobody listens there any more


def answer(c):
    line = c.recv(64).decode()
    print(line, end='', flush=True)
    _, port = line.split()
    if port == '99':
        return
    if int(port) not in PORTS:
        c.sendall(b"error: nobody has the address 10.0.0.9 in 'vpc-1'\n")
        return
    with socket.socket() as s:
        s.setblocking(False)
        s.connect_ex(('127.0.0.1', PORTS[int(port)]))
        fds = array.array('i', [s.fileno()])
        c.sendmsg([b'ok\n'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])


os.chdir(RUN)
door = socket.socket(socket.AF_UNIX)
door.bind('connect.sock')
door.listen(200)
print('ready', flush=True)
while True:
    client, _ = door.accept()
    with client:
        answer(client) if client.recv(1, socket.MSG_PEEK) else None  # a knock asks nothing
