#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's real table in Wine: the probe inside looks at what each row did; here, outside, the
console's bytes are compared and the sealed password is opened with the private key."""
import re
import subprocess

import winelib
from winelib import Machine, equal, true

PROBE = 'engine/engine-probe.exe'
winelib.need(PROBE)


def launch_key(folder):
    """A key pair made for this run: (private key's path, OpenSSH line)."""
    path = folder / 'launch.pem'
    subprocess.run(['ssh-keygen', '-q', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', '', '-C', 'launch',
                    '-f', path], check=True)
    return path, path.with_suffix('.pem.pub').read_text()


def unseal(key, text):
    sealed = subprocess.run(['base64', '-d'], input=text.encode(), capture_output=True, check=True).stdout
    return subprocess.run(['openssl', 'pkeyutl', '-decrypt', '-inkey', key, '-pkeyopt',
                           'rsa_padding_mode:pkcs1'], input=sealed, capture_output=True,
                          check=True).stdout.decode()


with Machine({'meta-data/instance-id': 'i-0123456789abcdef0'}) as m:
    key, public = launch_key(m.dir)
    m.imds.values['meta-data/public-keys/0/openssh-key'] = public
    m.set_number(r'HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp', 'PortNumber', 3389)
    code, out = m.run(winelib.BUILD / PROBE, 'all', seconds=300)
    out = out.replace('\r', '')

    def test_each_row_of_the_table_has_the_effect_it_promises():
        print(re.sub('^', '# ', out.rstrip(), flags=re.M))
        true('not ok' not in out and re.search(r'^1\.\.\d+$', out, re.M), out)
        equal(code, 0, 'exit code')

    def test_the_console_has_the_bytes_of_its_form():
        m.wait_console('</Password>\r\n', 10)
        true(re.fullmatch(r'(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\dZ: )Message: Windows is Ready to use\r\n'
                          r'(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\dZ: )Username: Administrator\r\n'
                          r'(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\dZ: )Password: <Password>\r\n'
                          r'[A-Za-z0-9+/]{342}==\r\n</Password>\r\n', m.console()), m.console())

    def test_the_sealed_password_opens_with_the_private_key():
        sealed = m.console().split('<Password>\r\n')[1].split('\r\n')[0]
        equal(unseal(key, sealed), re.search(r'^# clear (.*)$', out, re.M)[1], 'password')

    def test_metadata_is_asked_for_what_is_needed_and_no_more():
        equal(m.imds.asked, ['meta-data/instance-id', 'meta-data/public-keys/0/openssh-key'], 'asked')

    winelib.stories(test_each_row_of_the_table_has_the_effect_it_promises,
                    test_the_console_has_the_bytes_of_its_form,
                    test_the_sealed_password_opens_with_the_private_key,
                    test_metadata_is_asked_for_what_is_needed_and_no_more)
