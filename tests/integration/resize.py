#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes get larger: at once when nobody uses them, else for whoever uses them next; nothing on them changes."""
import os, sqlite3, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

GIB = 1 << 30
k = Kiln('--network', 'isolated')
t = {}


def modification(v):
    return k.aws('describe-volumes-modifications', '--volume-ids', v)['VolumesModifications'][0]


def modified(v, state='completed'):
    return eventually(f'the modification of {v} {state}', lambda: (lambda m: m['ModificationState'] == state and m)(modification(v)))


def served_size(v):
    return int(sh('nbdinfo', '--size', k.nbd(v)))


def content(snapshot, at):
    path = f'{k.home}/read-back.raw'
    k.cli('store', 'export', snapshot, path)
    with open(path, 'rb') as f:
        f.seek(at)
        got = f.read(1 << 20)
    size = os.path.getsize(path)
    os.unlink(path)
    return got, size


def snapshot_of(v):
    s = k.ec2.create_snapshot(VolumeId=v)['SnapshotId']
    now = eventually(f'{s} settled', lambda: (lambda s: s['State'] != 'pending' and s)(k.snapshot(s)))
    equal(now['State'], 'completed', now.get('StateMessage'))
    return s


def test_a_volume_that_nobody_uses_is_larger_at_once():
    k.start()
    t['ami'], _ = k.import_disk(guest(), name='tiny')
    v = k.ec2.create_volume(AvailabilityZone='us-east-1a', SnapshotId=k.root_snapshot(t['ami']), Encrypted=True)['VolumeId']
    eventually(f'{v} available', lambda: k.volume(v)['State'] == 'available')
    equal(k.cli('volume', 'resize', v, '2').strip(), v)
    modified(v)
    m = k.aws('modify-volume', '--volume-id', v, '--size', '3')['VolumeModification']
    equal((m['OriginalSize'], m['TargetSize']), (2, 3))
    m = modified(v)
    equal((m['Progress'], k.volume(v)['Size']), (100, 3))
    s = snapshot_of(v)
    equal(k.snapshot(s)['VolumeSize'], 3)
    with open(guest(), 'rb') as f:
        equal(content(s, 0), (f.read(1 << 20), 3 * GIB))
    t['free'] = v


def test_an_instance_sees_the_new_size_when_it_starts_again():
    i = k.run(t['ami'])
    k.console_line(i, 'GUEST-READY')
    v = k.root_volume(i)
    k.ec2.modify_volume(VolumeId=v, Size=2)
    m = modified(v, 'optimizing')
    true('started' in m['StatusMessage'], m)
    equal((served_size(v), k.volume(v)['Size']), (GIB, 2))
    equal(code_of(k.ec2.modify_volume, VolumeId=v, Size=4)[0], 'IncorrectModificationState')
    before = snapshot_of(v)
    k.ec2.stop_instances(InstanceIds=[i])
    k.instance_is(i, 'stopped')
    modified(v)
    k.ec2.start_instances(InstanceIds=[i])
    k.console_line(i, 'GUEST-READY', count=2)
    equal(served_size(v), 2 * GIB)
    k.console_line(i, f"GUEST-DISK {v.replace('-', '')} {2 * GIB}", seconds=30)  # it tells its disks at each boot
    k.write(v, f'write -P 0x5a {GIB + (1 << 20)} 1M', 'flush')
    s = snapshot_of(v)  # an increment over the smaller one
    equal(k.snapshot(s)['VolumeSize'], 2)
    true(before in str(k.show(s)), f'an increment over {before}: {k.show(s)}')
    equal(content(s, GIB + (1 << 20)), (b'\x5a' * (1 << 20), 2 * GIB))
    t['i'], t['v'] = i, v


def test_a_data_volume_is_larger_when_it_is_attached_again():
    v = t['free']
    k.ec2.attach_volume(InstanceId=t['i'], VolumeId=v, Device='/dev/sdf')
    eventually('attached', lambda: k.volume(v)['Attachments'][0]['State'] == 'attached')
    k.ec2.modify_volume(VolumeId=v, Size=4, VolumeType='gp3')
    modified(v, 'optimizing')
    k.ec2.detach_volume(VolumeId=v)
    eventually('detached', lambda: k.volume(v)['State'] == 'available')
    modified(v)
    k.ec2.attach_volume(InstanceId=t['i'], VolumeId=v, Device='/dev/sdf')
    eventually('attached', lambda: k.volume(v)['Attachments'][0]['State'] == 'attached')
    equal((served_size(v), k.volume(v)['VolumeType']), (4 * GIB, 'gp3'))


def test_it_is_not_forgotten_when_everything_is_killed():
    v = t['v']
    k.ec2.modify_volume(VolumeId=v, Size=5)
    modified(v, 'optimizing')
    k.kill()
    while procs_with(k.home):  # QEMU, and the servers of its volumes, not closed in order
        for pid in procs_with(k.home):
            kill_proc(pid)
    k.start()
    k.instance_is(t['i'], 'stopped')
    modified(v)
    k.ec2.start_instances(InstanceIds=[t['i']])
    k.console_line(t['i'], 'GUEST-READY', count=3)
    equal(served_size(v), 5 * GIB)
    k.ec2.terminate_instances(InstanceIds=[t['i']])
    k.instance_is(t['i'], 'terminated')


def test_the_volume_may_go_before_it_was_larger():
    i = k.run(t['ami'])
    v = k.root_volume(i)
    k.ec2.modify_volume(VolumeId=v, Size=2)
    modified(v, 'optimizing')
    k.ec2.terminate_instances(InstanceIds=[i])
    k.instance_is(i, 'terminated')
    k.store_check()
    with contextlib.closing(sqlite3.connect(f'file:{k.home}/kiln.db?mode=ro', uri=True)) as db:
        eventually('the end of the jobs', lambda: not db.execute("SELECT 1 FROM jobs WHERE kind = 'modify-volume' AND state = 'active'").fetchall())
    k.stop()


run([v for n, v in list(globals().items()) if n.startswith('test_')])
