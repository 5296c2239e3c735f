#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Ansible over SSH: one play launches, the next logs in by the instance's public name and customises it."""
import os, re, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

HERE = pathlib.Path(__file__).resolve().parent
k = Kiln()
t = {}


def test_a_playbook_customises_over_ssh():
    k.start()
    k.import_disk(guest('--ssh'), name='base')
    env = dict(os.environ, AWS_ACCESS_KEY_ID=k.credentials['access_key_id'], AWS_ENDPOINT_URL=k.endpoint,
               AWS_SECRET_ACCESS_KEY=k.credentials['secret_access_key'], HOME=k.home, ANSIBLE_NOCOLOR='1',
               ANSIBLE_PYTHON_INTERPRETER='/usr/bin/python3', ANSIBLE_LOCALHOST_WARNING='False', ANSIBLE_HOST_KEY_CHECKING='False',
               ANSIBLE_SSH_ARGS='-o UserKnownHostsFile=/dev/null')
    said = sh('ansible-playbook', '-e', f'pem={k.home}/play.pem', HERE / 'golden-ssh.yml', env=env, timeout=500)
    equal(set(re.findall(r'unreachable=(\d+) +failed=(\d+)', said)), {('0', '0')}, said[-2000:])
    true(re.search(r'^198\.19\.\d+\.\d+ +: ok=2', said, re.M), said[-1000:])


def test_an_instance_of_the_image_has_what_the_play_did():
    ami, = [i['ImageId'] for i in k.ec2.describe_images(Owners=['self'])['Images'] if i['Name'] == 'golden-ssh']
    i = k.run(ami, UserData='#!/bin/sh\ncat /disk/golden\n')
    k.console_line(i, 'customised by ansible at ip-172-31-')
    k.stop()


for program, package in (('ansible-playbook', 'ansible'), ('/usr/lib/python3/dist-packages/boto3', 'python3-boto3'),
                         ('ssh', 'openssh-client')):
    if not shutil.which(program) and not os.path.isdir(program):
        print(f'1..0 # SKIP {package} is missing (tools/setup-debian --long)')
        sys.exit(SKIP)
if os.geteuid() != 0:
    print('1..0 # SKIP public addresses need root')
    sys.exit(SKIP)
run([v for n, v in list(globals().items()) if n.startswith('test_')])
