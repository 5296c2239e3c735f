#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""NoReboot with the QEMU Guest Agent in the guest: its file systems are frozen while the point is taken, and never stay so."""
import os, signal, subprocess, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

k = Kiln()
t = {}
START = '#!/bin/sh\nguest-agent\n'
# Always a transaction under way, so that what nobody froze has a journal to replay.
WRITER = 'while :; do date >>/disk/log; sync; done &\n'


def file_system(ami):
    """What dumpe2fs says of the root partition in an image's snapshot, and whether its files are whole."""
    raw, part = f'{k.home}/{ami}.raw', f'{k.home}/{ami}.ext4'
    k.cli('store', 'export', k.root_snapshot(ami), raw)
    sh('dd', f'if={raw}', f'of={part}', 'bs=1M', 'skip=8', 'conv=sparse', 'status=none')
    features = next(l for l in sh('/sbin/dumpe2fs', '-h', part).splitlines() if l.startswith('Filesystem features'))
    whole = subprocess.run(['/sbin/e2fsck', '-fn', part], capture_output=True).returncode == 0
    os.unlink(raw)
    os.unlink(part)
    return features.split(), whole


def image(name):
    ami = k.ec2.create_image(InstanceId=t['i'], Name=name, NoReboot=True)['ImageId']
    k.image_available(ami)
    return ami


def tags(ami):
    return {x['Key']: x['Value'] for x in k.snapshot(k.root_snapshot(ami)).get('Tags', [])}


def test_a_guest_has_the_agent():
    k.start()
    ami, _ = k.import_disk(guest('--agent'), name='agent')
    t['i'] = k.run(ami, UserData=START)
    k.console_line(t['i'], 'GUEST-AGENT')
    k.type(t['i'], WRITER)


def test_its_image_is_consistent_and_says_so():
    ami = image('frozen')
    equal(tags(ami), {'AppConsistent': 'True'})
    features, whole = file_system(ami)
    true('needs_recovery' not in features and whole, f'the file system needs no recovery: {features}')


def goes_on(word):
    k.type(t['i'], f'echo {word}- >/disk/{word} && sync && echo WROTE-$(cat /disk/{word})\n')
    k.console_line(t['i'], f'WROTE-{word}-')


def test_the_guest_goes_on():
    goes_on('one')


def test_a_daemon_that_dies_leaves_no_guest_frozen():
    start = len(k.log())
    ami = k.ec2.create_image(InstanceId=t['i'], Name='killed', NoReboot=True)['ImageId']
    eventually('the guest is frozen', lambda: 'is held still: 1 file systems' in k.log()[start:])
    k.kill()
    goes_on('two')
    k.start()
    k.image_available(ami)
    goes_on('three')


def test_without_the_agent_an_image_is_what_a_power_cut_leaves():
    k.type(t['i'], 'killall ld-linux-x86-64.so.2; while pidof ld-linux-x86-64.so.2; do :; done; echo KILLED-$(date +%Y)\n')
    k.console_line(t['i'], 'KILLED-2')
    start = len(k.log())
    ami = image('cut')
    equal(tags(ami), {})
    true('was not frozen: no guest agent listens in it' in k.log()[start:], k.log()[start:])
    features, _ = file_system(ami)
    true('needs_recovery' in features, f'its journal is to be replayed: {features}')
    goes_on('four')


def test_the_store_is_clean_and_nothing_runs_on():
    k.store_check()
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
