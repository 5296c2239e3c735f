#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images and snapshots are copied, here and to another region: without a byte read, or anew under the key. What they
were copied from is deleted meanwhile, and kilnd is killed at many moments."""
import filecmp, os, random, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

MIB = 1 << 20
k = Kiln('--network', 'isolated')
t = {}


def settled(client, snapshot):
    s = eventually(f'{snapshot} settled', lambda: (lambda s: s['State'] != 'pending' and s)(client.describe_snapshots(SnapshotIds=[snapshot])['Snapshots'][0]))
    equal(s['State'], 'completed', s.get('StateMessage'))
    return s


def available(client, ami):
    im = eventually(f'{ami} settled', lambda: (lambda i: i['State'] != 'pending' and i)(client.describe_images(ImageIds=[ami])['Images'][0]))
    equal(im['State'], 'available', im.get('StateReason'))
    return im['BlockDeviceMappings'][0]['Ebs']['SnapshotId']


def same(snapshot):
    path = f'{k.home}/read-back.raw'
    k.cli('store', 'export', snapshot, path)
    true(filecmp.cmp(t['disk'], path, shallow=False), f'{snapshot} is the disk')
    os.unlink(path)


def drop(client, ami):
    snapshot = client.describe_images(ImageIds=[ami])['Images'][0]['BlockDeviceMappings'][0]['Ebs']['SnapshotId']
    client.deregister_image(ImageId=ami)
    client.delete_snapshot(SnapshotId=snapshot)


def test_a_copy_in_another_region_reads_and_writes_nothing():
    k.start()
    t['disk'], r = f'{k.home}/disk.raw', random.Random(1)
    with open(t['disk'], 'wb') as f:
        for at in range(0, 128, 2):
            f.seek(at * MIB)
            f.write(r.randbytes(MIB))
        f.truncate(128 * MIB)
    os.chmod(t['disk'], 0o644)
    t['ami'], _ = k.import_disk(t['disk'], name='base')
    t['there'] = k.client('eu-west-1')
    t['far'] = k.cli('image', 'copy', 'base', '--from', 'us-east-1', '--region', 'eu-west-1', '--name', 'base').strip()
    snapshot = available(t['there'], t['far'])
    same(snapshot)
    k.wait_log(f"snapshot '{snapshot}' is a copy of '{k.root_snapshot(t['ami'])}': read 0 bytes, stored 0")


def test_the_aws_cli_copies_a_snapshot():
    made = k.aws('copy-snapshot', '--source-region', 'eu-west-1', '--description', 'mine',
                 '--source-snapshot-id', available(t['there'], t['far']))['SnapshotId']
    s = settled(k.ec2, made)
    equal((s['Description'], s['Encrypted'], s['Progress']), ('mine', False, '100%'))
    same(made)
    sealed = k.cli('snapshot', 'copy', made, '--encrypt', '--name', 'sealed').strip()
    equal((k.snapshot(sealed)['State'], k.snapshot(sealed)['Encrypted']), ('completed', True))
    for s in (made, sealed):
        k.ec2.delete_snapshot(SnapshotId=s)


def test_what_it_was_copied_from_may_go_at_once():
    sealed = k.ec2.copy_image(SourceImageId=t['far'], SourceRegion='eu-west-1', Name='sealed', Encrypted=True)['ImageId']
    drop(t['there'], t['far'])
    snapshot = available(k.ec2, sealed)
    equal(k.snapshot(snapshot)['Encrypted'], True)
    same(snapshot)
    t['sealed'] = sealed


def test_everything_new_is_encrypted_where_that_is_the_default():
    k.aws('enable-ebs-encryption-by-default')
    ami, im = k.import_disk(t['disk'], name='sealed at once')
    snapshot = im['BlockDeviceMappings'][0]['Ebs']['SnapshotId']
    equal(k.snapshot(snapshot)['Encrypted'], True)
    same(snapshot)
    plain = k.run(t['ami'])
    equal(k.volume(k.root_volume(plain))['Encrypted'], True)
    k.ec2.terminate_instances(InstanceIds=[plain])
    k.aws('disable-ebs-encryption-by-default')
    drop(k.ec2, ami)


def test_snapshots_of_all_volumes_are_of_one_instant():
    i = k.run(t['ami'], BlockDeviceMappings=[{'DeviceName': '/dev/sdf', 'Ebs': {'VolumeSize': 1, 'Encrypted': True}}])
    disks = {m['DeviceName']: m['Ebs']['VolumeId'] for m in k.instance(i)['BlockDeviceMappings']}
    for v in disks.values():
        k.write(v, 'write -P 0x5a 1M 1M', 'flush')
    made = k.aws('create-snapshots', '--instance-specification', f'InstanceId={i}', '--copy-tags-from-source', 'volume',
                 '--tag-specifications', 'ResourceType=snapshot,Tags=[{Key=k,Value=v}]')['Snapshots']
    equal({s['VolumeId'] for s in made}, set(disks.values()))
    for s in made:
        now = settled(k.ec2, s['SnapshotId'])
        equal((now['Encrypted'], now['Tags']), (s['VolumeId'] == disks['/dev/sdf'], [{'Key': 'k', 'Value': 'v'}]))
        path = f'{k.home}/read-back.raw'
        k.cli('store', 'export', s['SnapshotId'], path)
        with open(path, 'rb') as f:
            f.seek(MIB)
            true(f.read(MIB) == b'\x5a' * MIB, f"what was written to {s['VolumeId']}")
        os.unlink(path)
        k.ec2.delete_snapshot(SnapshotId=s['SnapshotId'])
    k.ec2.terminate_instances(InstanceIds=[i])


def test_a_copy_outlives_a_killed_kilnd():
    """At each moment: the copy comes right, and its source, deleted at once, was kept as long as needed."""
    begin = time.monotonic()
    settled(k.ec2, k.ec2.copy_snapshot(SourceSnapshotId=k.root_snapshot(t['ami']), SourceRegion='us-east-1', Encrypted=True)['SnapshotId'])
    whole = time.monotonic() - begin
    for n in range(6):
        source = k.ec2.copy_image(SourceImageId=t['ami'], SourceRegion='us-east-1', Name=f'source-{n}')['ImageId']
        available(k.ec2, source)
        copy = k.ec2.copy_image(SourceImageId=source, SourceRegion='us-east-1', Name=f'copy-{n}', Encrypted=bool(n % 2))['ImageId']
        drop(k.ec2, source)
        select.select([], [], [], whole * n / 6)  # the moment is what this is about
        k.restart()
        same(available(k.ec2, copy))
    k.store_check()


def test_a_source_that_is_damaged_fails_with_the_reason():
    snapshot = k.root_snapshot(t['ami'])
    for pack in glob.glob(f'{k.home}/store/packs/*.pack'):
        os.rename(pack, pack + '.away')
    made = k.ec2.copy_image(SourceImageId=t['ami'], SourceRegion='us-east-1', Name='broken', Encrypted=True)['ImageId']
    im = k.image_settled(made)
    equal(im['State'], 'failed')
    true(snapshot in im['StateReason']['Message'] and 'pack' in im['StateReason']['Message'], im['StateReason'])
    bad = k.snapshot(im['BlockDeviceMappings'][0]['Ebs']['SnapshotId'])
    equal(bad['State'], 'error')
    for pack in glob.glob(f'{k.home}/store/packs/*.away'):
        os.rename(pack, pack.removesuffix('.away'))
    k.store_check()
    k.stop()


run([v for n, v in list(globals().items()) if n.startswith('test_')])
