# SPDX-License-Identifier: GPL-3.0-or-later
"""An EC2 endpoint that has one Windows instance, whose password stands in a file.

Usage: fake-api.py DIR

DIR/password is the password data; empty or absent: there is none. DIR/state: the instance's state.
The address, then each action that is asked for, goes to standard output.
"""
import http.server
import os
import pathlib
import sys
import urllib.parse

DIR = pathlib.Path(sys.argv[1])
HEAD = '<?xml version="1.0"?><Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
ACTIONS = {
    'GetPasswordData': '<passwordData>{password}</passwordData><kilnReason>{reason}</kilnReason>',
    'DescribeInstances': '<reservationSet><item><instancesSet><item><instanceId>{id}</instanceId>'
                         '<instanceState><name>{state}</name></instanceState><keyName>mine</keyName>'
                         '<platformDetails>Windows</platformDetails></item></instancesSet></item>'
                         '</reservationSet>',
}


def text(name, fallback):
    path = DIR / name
    return path.read_text().strip() if path.exists() else fallback


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length'])).decode()
        action = urllib.parse.parse_qs(body)['Action'][0]
        password = text('password', '')
        answer = (HEAD + ACTIONS[action] + '</Response>').format(
            password=password, reason='' if password else 'the guest has not printed one yet',
            id='i-0123456789abcdef0', state=text('state', 'running')).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        os.write(1, (action + '\n').encode())

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
os.write(1, f'http://127.0.0.1:{server.server_port}\n'.encode())
server.serve_forever()
