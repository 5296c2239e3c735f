#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kiln's main job, whole: disk image, instance, change, image, instance with the change. C-1, C-5..C-7, C-11..C-14, C-20, C-43, C-44."""
import json, os, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

k = Kiln('--fill', '0')  # no background fill: what is read from the store is what the guest touched
t = {}


def test_a_disk_image_becomes_an_image():
    k.start()
    t['ami'], im = k.import_disk(guest(), name='tiny')
    equal(im['Name'], 'tiny')
    equal(im['RootDeviceType'], 'ebs')


def test_an_instance_boots_from_it():
    t['i'] = k.run(t['ami'])
    k.console_line(t['i'], 'GUEST-READY')
    t['vol'] = k.root_volume(t['i'])
    true(f"GUEST-DISK {t['vol'].replace('-', '')} " in k.console_line(t['i'], 'GUEST-READY'), 'the NVMe serial number is the volume id')


def test_status_says_what_guests_run_with_and_why():
    st = json.loads(k.cli('status', '--json'))['status']
    true(st['acceleration'] in ('kvm', 'tcg') and len(st['acceleration_reason']) > 10, st)


def test_it_boots_while_less_than_a_third_of_the_blocks_was_read():
    st = k.show(t['vol'])
    true(0 < st['store_blocks_read'] < st['blocks_base'] / 3, f'blocks read at boot: {st}')


def test_an_image_is_made_of_it_while_it_reboots():
    before = k.console_line(t['i'], 'GUEST-READY')
    t['golden'] = k.ec2.create_image(InstanceId=t['i'], Name='golden')['ImageId']
    equal(k.instance(t['i'])['State']['Name'], 'running', 'the API says running while it reboots')
    k.image_available(t['golden'])
    after = k.console_line(t['i'], 'GUEST-READY', count=2)
    true('GUEST-POWERBUTTON' in after[len(before):], 'the guest was asked to shut down in order')


def test_the_image_lists_a_completed_root_snapshot_of_that_volume():
    s = k.snapshot(k.root_snapshot(t['golden']))
    equal((s['State'], s['Progress'], s['VolumeId']), ('completed', '100%', t['vol']))
    true(t['i'] in s['Description'] and t['golden'] in s['Description'], s['Description'])


def test_a_second_instance_carries_the_first_ones_change():
    t['i2'] = k.run(t['golden'])
    out = k.console_line(t['i2'], 'GUEST-READY')
    true('GUEST-BOOTS 2' in out, 'its disk has seen one boot before')
    true(f"GUEST-HISTORY 1 " in out and t['vol'].replace('-', '') in out, 'the first boot is of the first volume')
    equal(k.volume(k.root_volume(t['i2']))['SnapshotId'], k.root_snapshot(t['golden']))


def test_the_next_image_reads_only_what_changed():
    k.ec2.stop_instances(InstanceIds=[t['i']])
    k.instance_is(t['i'], 'stopped')
    k.ec2.start_instances(InstanceIds=[t['i']])
    k.console_line(t['i'], 'GUEST-READY', count=3)
    ami = k.ec2.create_image(InstanceId=t['i'], Name='golden-2', NoReboot=True)['ImageId']
    k.image_available(ami)
    s = k.show(k.root_snapshot(ami))
    blocks = changed_between(k.root_snapshot(t['golden']), k.root_snapshot(ami))
    true(0 < s['bytes_read'] <= 1.1 * blocks * 524288, f"read {s['bytes_read']} bytes, {blocks} blocks changed")
    t['golden2'] = ami


def raw_of(snapshot):
    """The whole content of a snapshot, read back through a volume made from it."""
    v = k.ec2.create_volume(SnapshotId=snapshot, AvailabilityZone='us-east-1a')['VolumeId']
    eventually('the volume', lambda: k.volume(v)['State'] == 'available')
    path = f'{k.home}/{snapshot}.raw'
    k.cli('store', 'export', snapshot, path)
    k.ec2.delete_volume(VolumeId=v)
    return path


def changed_between(a, b):
    n = 0
    with open(raw_of(a), 'rb') as fa, open(raw_of(b), 'rb') as fb:
        while True:
            x, y = fa.read(524288), fb.read(524288)
            if not x and not y:
                return n
            n += x != y


def test_a_stopped_instances_image_is_bit_identical_to_its_volume():
    k.ec2.stop_instances(InstanceIds=[t['i']])
    k.instance_is(t['i'], 'stopped')
    ami = k.ec2.create_image(InstanceId=t['i'], Name='golden-3')['ImageId']
    k.image_available(ami)
    equal(k.instance(t['i'])['State']['Name'], 'stopped', 'a stopped instance stays stopped (C-5)')
    # the volume itself, through a server of its own over its files
    vol = f"{k.home}/volumes/{t['vol']}"
    sock = f'{k.home}/copy.sock'
    sh('nbdkit', '-U', sock, BUILD / 'kiln-volume.so', f'dir={vol}', f'store={k.home}/store', '--run',
       f'nbdcopy nbd+unix:///?socket={sock} {k.home}/source.raw', timeout=120)
    sh('cmp', f'{k.home}/source.raw', raw_of(k.root_snapshot(ami)))


def test_no_reboot_leaves_the_guest_running():
    ups = k.console_line(t['i2'], 'GUEST-READY').count('GUEST-READY')
    ami = k.ec2.create_image(InstanceId=t['i2'], Name='golden-4', NoReboot=True)['ImageId']
    k.image_available(ami)
    equal(k.console_line(t['i2'], 'GUEST-READY').count('GUEST-READY'), ups)


def test_terminate_removes_volumes_and_keeps_images():
    k.ec2.terminate_instances(InstanceIds=[t['i'], t['i2']])
    for i in (t['i'], t['i2']):
        k.instance_is(i, 'terminated')
    eventually('volumes are deleted', lambda: not k.ec2.describe_volumes()['Volumes'])
    eventually('their files are removed', lambda: not os.listdir(f'{k.home}/volumes'))
    equal(os.listdir(f'{k.home}/instances'), [])
    equal(len(k.ec2.describe_images(Owners=['self'])['Images']), 5)


def test_the_store_is_clean_and_nothing_runs_on():
    k.store_check()
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
