#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon is killed while instances run: guests go on, nothing written is lost, everything is adopted."""
import fcntl, os, signal, socket, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

k = Kiln()
t = {}


def qemu(i):
    return [p for p, line in procs_with(f'{k.home}/instances/{i}').items() if 'qemu-system' in line]


def serial(i, text, answer=None):
    """Types on the serial line; stays connected until the guest has answered, or has ended."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(f'{k.home}/instances/{i}/serial.sock')
        line.sendall(text.encode())
        if answer:
            k.console_line(i, answer)
        else:
            while line.recv(4096):
                pass


def test_an_instance_runs():
    k.start()
    ami, _ = k.import_disk(guest(), name='tiny')
    t['i'] = k.run(ami)
    k.console_line(t['i'], 'GUEST-READY')
    t['pid'] = qemu(t['i'])


def test_killing_the_daemon_does_not_touch_the_guest():
    k.kill()
    serial(t['i'], 'echo STILL-""HERE; sync\n', 'STILL-HERE')
    k.start()
    equal(qemu(t['i']), t['pid'], 'the same QEMU process')
    equal(k.instance(t['i'])['State']['Name'], 'running')


def test_an_adopted_instance_obeys():
    ami = k.ec2.create_image(InstanceId=t['i'], Name='adopted')['ImageId']
    k.image_available(ami)
    k.console_line(t['i'], 'GUEST-READY', count=2)
    k.ec2.stop_instances(InstanceIds=[t['i']])
    k.instance_is(t['i'], 'stopped')
    equal(qemu(t['i']), [])


def test_a_killed_volume_server_is_started_again_under_the_guest():
    k.ec2.start_instances(InstanceIds=[t['i']])
    k.console_line(t['i'], 'GUEST-READY', count=3)
    vol = k.root_volume(t['i'])
    servers = [p for p, line in procs_with(f'{k.home}/volumes/{vol}').items() if 'nbdkit' in line]
    true(servers, 'the volume is served')
    for p in servers:
        kill_proc(p)
    serial(t['i'], 'echo after > /disk/after && sync && echo WRITTEN-""AFTER\n', 'WRITTEN-AFTER')


def test_a_guest_that_powers_off_by_itself_is_stopped():
    serial(t['i'], 'sync; poweroff -f\n')
    i = k.instance_is(t['i'], 'stopped')
    equal(i['StateReason']['Code'], 'Client.InstanceInitiatedShutdown')


def test_a_machine_that_dies_is_stopped_with_the_reason():
    k.ec2.start_instances(InstanceIds=[t['i']])
    k.console_line(t['i'], 'GUEST-READY', count=4)
    for p in qemu(t['i']):
        kill_proc(p)
    i = k.instance_is(t['i'], 'stopped')
    equal(i['StateReason']['Code'], 'Server.InternalError')


def test_a_machine_that_died_while_the_daemon_was_away_is_stopped():
    k.ec2.start_instances(InstanceIds=[t['i']])
    k.console_line(t['i'], 'GUEST-READY', count=5)
    k.kill()
    for p in qemu(t['i']):
        kill_proc(p)
    k.start()
    k.instance_is(t['i'], 'stopped')


def test_space_comes_back_when_a_reader_of_the_store_has_gone():
    """A reader (store check, an export) keeps packs from going; what was wanted meanwhile is not forgotten."""
    v = k.ec2.create_volume(AvailabilityZone='us-east-1a', Size=1)['VolumeId']
    eventually('available', lambda: k.volume(v)['State'] == 'available')
    k.ec2.attach_volume(VolumeId=v, InstanceId=t['i'], Device='/dev/sdq')
    k.ec2.start_instances(InstanceIds=[t['i']])
    k.instance_is(t['i'], 'running')
    made = []
    for fill in (0x5a, 0x5b):  # the volume itself keeps its last snapshot: the first one is not needed any more
        k.write(v, f'write -P {fill} 0 4M')
        made.append(k.ec2.create_snapshot(VolumeId=v)['SnapshotId'])
        eventually('completed', lambda: k.snapshot(made[-1])['State'] == 'completed')
    packs = lambda: len(os.listdir(f'{k.home}/store/packs'))
    before, log = packs(), os.path.getsize(k.log_path)
    with open(f'{k.home}/store/locks/gc', 'rb') as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        k.ec2.delete_snapshot(SnapshotId=made[0])
        k.wait_log('space is given back later', log)
        equal(packs(), before, 'packs while they may be read')
    eventually('the pack has gone', lambda: packs() < before)


def gen2():
    """A disk as Hyper-V's second generation has them: GPT, EFI system partition, NTFS."""
    path = f'{k.home}/gen2.raw'
    with open(path, 'wb') as f:
        f.truncate(256 << 20)
        f.seek(16 << 20)
        f.write(os.urandom(128 << 20))  # an import of it takes a while
    sh('/sbin/sgdisk', '-n', '1:2048:+8M', '-t', '1:ef00', '-n', '2:0:0', '-t', '2:0700', path)
    with open(path, 'r+b') as f:
        f.seek(18432 * 512)
        f.write(b'\xeb\x52\x90NTFS    ')
    os.chmod(path, 0o644)
    return path


def what_it_is(name):
    im = k.ec2.describe_images(Filters=[{'Name': 'name', 'Values': [name]}])['Images'][0]
    return im['State'], im.get('Platform'), im.get('BootMode'), im['UsageOperation']


def test_an_import_learns_from_the_disk_what_it_is_although_the_daemon_missed_its_end():
    path, windows = gen2(), ('available', 'windows', 'uefi', 'RunInstances:0002')
    k.cli('import', path, '--name', 'seen')
    equal(what_it_is('seen'), windows)
    k.cli('import', path, '--name', 'told', '--platform', 'linux', '--boot-mode', 'legacy-bios')
    equal(what_it_is('told'), ('available', None, 'legacy-bios', 'RunInstances'))
    before = set(os.listdir(f'{k.home}/store/snaps'))
    k.cli('import', path, '--name', 'missed', '--no-wait')
    eventually('its worker runs', lambda: procs_with(f'kiln-worker import --store {k.home}'))
    k.daemon.send_signal(signal.SIGSTOP)
    eventually('the worker has committed', lambda: set(os.listdir(f'{k.home}/store/snaps')) - before)
    k.restart()
    eventually('it is available', lambda: what_it_is('missed')[0] == 'available')
    equal(what_it_is('missed'), windows)


def test_the_end_leaves_nothing():
    k.ec2.terminate_instances(InstanceIds=[t['i']])
    k.instance_is(t['i'], 'terminated')
    k.store_check()
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
