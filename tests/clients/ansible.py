#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Ansible with amazon.aws's modules: a playbook makes an image, and another play takes it away."""
import os, re, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

HERE = pathlib.Path(__file__).resolve().parent
AWAY = """- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - amazon.aws.ec2_ami:
        endpoint_url: "{{ lookup('env', 'AWS_ENDPOINT_URL') }}"
        region: us-east-1
        image_id: AMI
        state: absent
        delete_snapshot: true
"""
k = Kiln()
t = {}


def play(book):
    env = dict(os.environ, AWS_ACCESS_KEY_ID=k.credentials['access_key_id'], AWS_ENDPOINT_URL=k.endpoint,
               AWS_SECRET_ACCESS_KEY=k.credentials['secret_access_key'], HOME=k.home, ANSIBLE_NOCOLOR='1',
               ANSIBLE_PYTHON_INTERPRETER='/usr/bin/python3', ANSIBLE_LOCALHOST_WARNING='False')
    return sh('ansible-playbook', book, env=env, timeout=500)


def test_a_playbook_makes_an_image():
    k.start()
    t['base'], _ = k.import_disk(guest(), name='base')
    said = play(HERE / 'golden.yml')
    equal(re.findall(r'unreachable=(\d+) +failed=(\d+)', said), [('0', '0')], said[-2000:])
    t['golden'], = [i for i in k.ec2.describe_images(Owners=['self'])['Images'] if i['Name'] == 'golden']
    equal(t['golden']['State'], 'available')


def test_nothing_of_the_build_stays():
    builders = [i for r in k.ec2.describe_instances()['Reservations'] for i in r['Instances']]
    equal({i['State']['Name'] for i in builders}, {'terminated'})
    equal(k.ec2.describe_volumes()['Volumes'], [])
    equal([g['GroupName'] for g in k.ec2.describe_security_groups()['SecurityGroups']], ['default'])


def test_another_play_takes_the_image_and_its_snapshots_away():
    book = pathlib.Path(k.home) / 'away.yml'
    book.write_text(AWAY.replace('AMI', t['golden']['ImageId']))
    play(book)
    equal([i['Name'] for i in k.ec2.describe_images(Owners=['self'])['Images']], ['base'])
    equal(len(k.ec2.describe_snapshots(OwnerIds=['self'])['Snapshots']), 1)
    k.stop()


for program, package in ('ansible-playbook', 'ansible'), ('/usr/lib/python3/dist-packages/boto3', 'python3-boto3'):
    if not shutil.which(program) and not os.path.isdir(program):
        print(f'1..0 # SKIP {package} is missing (tools/setup-debian --long)')
        sys.exit(SKIP)
run([v for n, v in list(globals().items()) if n.startswith('test_')])
