#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Packer over SSH: it finds the instance's public address by itself, logs in with the key pair that it made,
copies files both ways, runs a script, and makes an image of what came of it."""
import hashlib, os, re, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

HERE = pathlib.Path(__file__).resolve().parent
GREETING = 'hello from the builder\n' * 2000  # more than one packet
k = Kiln()
t = {}


def test_packer_customises_over_ssh():
    k.start()
    t['base'], _ = k.import_disk(guest('--ssh'), name='base')
    t['greeting'] = pathlib.Path(k.home) / 'greeting'
    t['greeting'].write_text(GREETING)
    env = dict(os.environ, AWS_ACCESS_KEY_ID=k.credentials['access_key_id'], CHECKPOINT_DISABLE='1',
               AWS_SECRET_ACCESS_KEY=k.credentials['secret_access_key'], AWS_ENDPOINT_URL=k.endpoint,
               AWS_POLL_DELAY_SECONDS='2', HOME=k.home, GREETING=str(t['greeting']))
    said = sh('packer', 'build', '-color=false', HERE / 'golden-ssh.json', env=env, timeout=300)
    t['ami'] = re.findall(r'us-east-1: (ami-[0-9a-f]+)', said)[-1]
    true('Connected to SSH!' in said, said)
    t['host'] = re.search(r'Using ssh communicator to connect: (\S+)', said).group(1)
    true(t['host'].startswith('198.19.'), t['host'])


def test_what_came_back_is_what_the_guest_wrote():
    line = pathlib.Path(f"{t['greeting']}.back").read_text()
    gate = '.'.join(t['host'].split('.')[:2])  # the host comes from an address of the same range
    true(re.fullmatch(rf'ip-172-31-\S+ customised by packer over {gate}\.\d+\.1 \d+ 172\.31\.\d+\.\d+ 22\n', line), line)


def test_an_instance_of_the_image_has_both():
    i = k.run(t['ami'], UserData='#!/bin/sh\ncat /disk/golden\nsha256sum /disk/greeting\n')
    k.console_line(i, 'customised by packer')
    k.console_line(i, hashlib.sha256(GREETING.encode()).hexdigest())


def test_nothing_of_the_build_stays():
    equal(k.ec2.describe_key_pairs()['KeyPairs'], [])
    equal([g['GroupName'] for g in k.ec2.describe_security_groups()['SecurityGroups']], ['default'])
    k.stop()
    true('198.19.' not in sh('ip', 'route', 'show', 'root', t['host'].rsplit('.', 1)[0] + '.0/24'), 'no route is left')


if not shutil.which('packer'):
    print('1..0 # SKIP packer is missing (tools/setup-debian --test)')
    sys.exit(SKIP)
if os.geteuid() != 0:
    print('1..0 # SKIP public addresses need root')
    sys.exit(SKIP)
run([v for n, v in list(globals().items()) if n.startswith('test_')])
