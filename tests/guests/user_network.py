#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Without networks of our own: QEMU's user network, and each guest still reads its own metadata. All of it as an
ordinary user."""
from guestlib import *

k = Kiln('--network', 'user', user='nobody')
t = {}


def test_guests_read_their_own_metadata():
    k.start()
    ami, _ = k.import_disk(guest(), name='tiny')
    equal({p.owner() for p in (pathlib.Path(k.home) / 'credentials', pathlib.Path(k.home) / 'run')}, {'nobody' if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name})
    for w in 'ab':
        t[w] = k.run(ami, MetadataOptions={'HttpTokens': 'required'})
    for w in 'ab':
        line = t['line-' + w] = Line(k, t[w])
        k.console_line(t[w], 'GUEST-READY')
        k.console_line(t[w], 'GUEST-IMDS')  # the last word that it says by itself
        equal(line.http('/latest/meta-data/instance-id')[0], 401, 'v1')
        equal(line.get('/latest/meta-data/instance-id', line.token()), t[w])


def test_the_metadata_lives_on_through_a_restart_of_the_daemon():
    k.restart()
    for w in 'ab':
        line = t['line-' + w]
        equal(line.get('/latest/meta-data/instance-id', line.token()), t[w])


def test_the_end_leaves_nothing():
    home = f'{k.home}/instances'
    k.ec2.terminate_instances(InstanceIds=[t['a'], t['b']])
    for w in 'ab':
        k.instance_is(t[w], 'terminated')
    eventually('their directories are gone', lambda: not os.listdir(home))
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
