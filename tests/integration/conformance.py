#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image half of the conformance list, as far as the API alone can show it. Each story cites its numbers."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

k = Kiln()
t = {}
AZ = 'us-east-1a'


def mapping(ami):
    return {m['DeviceName']: m for m in k.image(ami)['BlockDeviceMappings']}


def devices(i):
    return {m['DeviceName']: m['Ebs']['VolumeId'] for m in k.instance(i)['BlockDeviceMappings']}


def create(name, **kw):
    ami = k.ec2.create_image(InstanceId=t['i'], Name=name, NoReboot=True, **kw)['ImageId']
    return ami


def refused(code, name, **kw):
    got, m = code_of(k.ec2.create_image, InstanceId=t['i'], Name=name, NoReboot=True, **kw)
    equal(got, code, f'{name!r} {kw}')
    return m


def read_back(snapshot, at, n):
    path = f'{k.home}/{snapshot}.raw'
    if not os.path.exists(path):
        k.cli('store', 'export', snapshot, path)
    with open(path, 'rb') as f:
        f.seek(at)
        return f.read(n)


def holds(path, text):
    """Whether a file holds these bytes. Holes are skipped: volumes are gigabytes of them."""
    with open(path, 'rb') as f:
        at, size = 0, os.fstat(f.fileno()).st_size
        while at < size:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError:
                return False
            end, tail = os.lseek(f.fileno(), at, os.SEEK_HOLE), b''
            while at < end:
                part = os.pread(f.fileno(), min(1 << 20, end - at), at)
                if text in tail + part:
                    return True
                at, tail = at + len(part), part[-len(text):]
                if not part:
                    return False
    return False


def files_with(text):
    found = []
    for root, _, files in os.walk(k.home):
        for f in files:
            with contextlib.suppress(FileNotFoundError, OSError):  # gone meanwhile; a socket
                if holds(f'{root}/{f}', text):
                    found.append(os.path.relpath(f'{root}/{f}', k.home))
    return sorted(found)


def test_a_machine_with_three_volumes_runs():
    k.start()
    p = f'{k.home}/disk.raw'
    with open(p, 'wb') as f:
        f.write(b'root of the source'.ljust(4096, b'.'))
        f.truncate(64 << 20)
    os.chmod(p, 0o644)
    t['ami'], _ = k.import_disk(p, name='base', platform='Windows')
    t['i'] = k.run(t['ami'], type='m3.medium', BlockDeviceMappings=[
        {'DeviceName': '/dev/sdb', 'VirtualName': 'ephemeral0'},
        {'DeviceName': 'xvdf', 'Ebs': {'VolumeSize': 1}},
        {'DeviceName': 'xvdg', 'Ebs': {'VolumeSize': 2, 'DeleteOnTermination': True}}])
    equal(sorted(devices(t['i'])), ['/dev/sda1', 'xvdf', 'xvdg'], 'instance store entries are not in an instance mapping')
    k.write(devices(t['i'])['xvdf'], 'write -P 0x5a 1M 64k', 'flush')


def test_defaults_of_delete_on_termination_C66():
    dot = {m['DeviceName']: m['Ebs']['DeleteOnTermination'] for m in k.instance(t['i'])['BlockDeviceMappings']}
    equal(dot, {'/dev/sda1': True, 'xvdf': False, 'xvdg': True})


def test_the_image_is_visible_at_once_and_belongs_to_the_caller_C6_C58():
    ami = create('golden', Description='d' * 255, TagSpecifications=[
        {'ResourceType': 'image', 'Tags': [{'Key': 'team', 'Value': 'images'}]},
        {'ResourceType': 'snapshot', 'Tags': [{'Key': 'of', 'Value': 'golden'}]}])
    t['golden'] = ami
    im = k.image(ami)
    true(im['State'] in ('pending', 'available'), im['State'])
    equal(im['OwnerId'], k.credentials['account'])
    equal(im['Public'], False)
    k.image_available(ami)


def test_one_completed_snapshot_for_each_volume_C7_C13_C16_C59():
    m = mapping(t['golden'])
    equal(sorted(m), ['/dev/sda1', '/dev/sdb', 'xvdf', 'xvdg'])
    equal(m['/dev/sdb'].get('VirtualName'), 'ephemeral0')
    vols = devices(t['i'])
    for d in ('/dev/sda1', 'xvdf', 'xvdg'):
        s = k.snapshot(m[d]['Ebs']['SnapshotId'])
        equal((s['State'], s['VolumeId'], s['Progress']), ('completed', vols[d], '100%'))
        true(t['i'] in s['Description'] and t['golden'] in s['Description'], s['Description'])


def test_the_image_inherits_what_its_source_is():
    im = k.image(t['golden'])
    equal((im['Platform'], im['PlatformDetails'], im['UsageOperation']), ('windows', 'Windows', 'RunInstances:0002'))
    equal((im['RootDeviceName'], im['Architecture']), ('/dev/sda1', 'x86_64'))
    equal(k.show(t['golden'])['source_instance'], t['i'])  # newer than this botocore


def test_tags_are_returned_and_filter_C2():
    e = k.ec2
    equal([im['ImageId'] for im in e.describe_images(Filters=[{'Name': 'tag:team', 'Values': ['imag*']}])['Images']], [t['golden']])
    e.create_tags(Resources=[t['golden']], Tags=[{'Key': 'later', 'Value': ''}])
    equal([im['ImageId'] for im in e.describe_images(Filters=[{'Name': 'tag-key', 'Values': ['later']}])['Images']], [t['golden']])
    got = e.describe_snapshots(Filters=[{'Name': 'tag:of', 'Values': ['golden']}])['Snapshots']
    equal(len(got), 3)
    equal(len(e.describe_images(Filters=[{'Name': 'tag:team', 'Values': ['images']}, {'Name': 'name', 'Values': ['base']}])['Images']), 0, 'filters are ANDed (C-27)')


def test_a_launch_makes_volumes_from_those_snapshots_C14_C17_C18_C19_C60():
    i = k.run(t['golden'], type='m3.medium')
    d, m = devices(i), mapping(t['golden'])
    equal(sorted(d), ['/dev/sda1', 'xvdf', 'xvdg'])
    for name, vol in d.items():
        equal(k.volume(vol)['SnapshotId'], m[name]['Ebs']['SnapshotId'])
    true(read_back(m['xvdf']['Ebs']['SnapshotId'], 1 << 20, 65536) == b'\x5a' * 65536, 'the data volume persists')
    eph = glob.glob(f'{k.home}/instances/{i}/ephemeral0.raw')
    true(eph and os.stat(eph[0]).st_blocks == 0, 'the instance store disk is new and empty')
    sh('qemu-io', '-r', '-f', 'raw', '-c', 'read -P 0x5a 1M 64k', k.nbd(d['xvdf']))
    k.ec2.terminate_instances(InstanceIds=[i])
    k.instance_is(i, 'terminated')
    left = {v['VolumeId'] for v in k.ec2.describe_volumes()['Volumes']}
    true(d['xvdf'] in left and d['/dev/sda1'] not in left and d['xvdg'] not in left, 'DeleteOnTermination is obeyed')
    k.ec2.delete_volume(VolumeId=d['xvdf'])


def test_first_read_comes_from_the_store_and_a_full_read_makes_all_local_C20_C69():
    v = k.ec2.create_volume(SnapshotId=mapping(t['golden'])['/dev/sda1']['Ebs']['SnapshotId'], AvailabilityZone=AZ)['VolumeId']
    eventually('available', lambda: k.volume(v)['State'] == 'available')
    k.ec2.attach_volume(VolumeId=v, InstanceId=t['i'], Device='xvdh')
    eventually('attached', lambda: k.volume(v)['Attachments'] and k.volume(v)['Attachments'][0]['State'] == 'attached')
    out = sh('qemu-io', '-r', '-f', 'raw', '-c', 'read -v 0 18', k.nbd(v))
    true('root.of.the.sour' in out, out)
    sh('nbdcopy', k.nbd(v), 'null:')
    eventually('every block of the base is local', lambda: (lambda s: s['blocks_present'] >= s['blocks_base'] == s['store_blocks_read'])(k.show(v)))
    k.ec2.detach_volume(VolumeId=v, Force=True)
    eventually('detached', lambda: k.volume(v)['State'] == 'available')
    k.ec2.delete_volume(VolumeId=v)


def test_a_later_image_reads_only_changes_C11_C12():
    first = create('inc-1')
    k.image_available(first)
    k.write(devices(t['i'])['xvdf'], 'write -P 0x11 8M 512k', 'flush')
    second = create('inc-2')
    k.image_available(second)
    s = k.show(mapping(second)['xvdf']['Ebs']['SnapshotId'])
    equal(s['bytes_read'], 524288)
    other = k.show(mapping(second)['xvdg']['Ebs']['SnapshotId'])
    equal(other['bytes_read'], 0)


def test_zeroed_blocks_take_no_space_C31():
    k.write(devices(t['i'])['xvdf'], 'write -P 0x77 16M 4M', 'flush')
    a = create('zeros-1')
    k.image_available(a)
    k.write(devices(t['i'])['xvdf'], 'write -z 16M 4M', 'flush')
    b = create('zeros-2')
    k.image_available(b)
    s = k.show(mapping(b)['xvdf']['Ebs']['SnapshotId'])
    true(s['bytes_stored'] < 65536, f'stored {s["bytes_stored"]} bytes for zeros')


def test_names_C41_C64():
    k.image_available(create('abc'))
    k.image_available(create("a" * 120 + "()[] ./-'@_"[:8]))
    m = refused('InvalidAMIName.Duplicate', 'abc')
    true('abc' in m and 'ami-' in m, m)
    for bad in ('ab', 'a' * 129, 'semi;colon', 'ümlaut-name', 'quo"te'):
        refused('InvalidAMIName.Malformed', bad)


def test_description_C42():
    refused('InvalidParameterValue', 'long-description', Description='d' * 256)


def test_root_size_C47():
    refused('InvalidBlockDeviceMapping', 'small-data', BlockDeviceMappings=[{'DeviceName': 'xvdg', 'Ebs': {'VolumeSize': 1}}])
    ami = create('bigger', BlockDeviceMappings=[{'DeviceName': '/dev/sda1', 'Ebs': {'VolumeSize': 3}}])
    im = k.image_available(ami)
    equal(mapping(ami)['/dev/sda1']['Ebs']['VolumeSize'], 3)
    equal(k.snapshot(mapping(ami)['/dev/sda1']['Ebs']['SnapshotId'])['VolumeSize'], 1, 'the snapshot keeps the size of its volume')
    i = k.run(ami, type='m3.medium')
    equal(k.volume(devices(i)['/dev/sda1'])['Size'], 3)
    k.ec2.terminate_instances(InstanceIds=[i])
    k.instance_is(i, 'terminated')


def test_mapping_edits_C46_C48_C49_C52_C53():
    ami = create('edited', BlockDeviceMappings=[
        {'DeviceName': 'xvdg', 'NoDevice': ''},
        {'DeviceName': '/dev/sdb', 'NoDevice': ''},
        {'DeviceName': 'xvdm', 'Ebs': {'VolumeSize': 5}},
        {'DeviceName': 'xvdn', 'Ebs': {'SnapshotId': mapping(t['golden'])['xvdf']['Ebs']['SnapshotId']}},
        {'DeviceName': 'xvdca', 'VirtualName': 'ephemeral0'}])
    k.image_available(ami)
    m = mapping(ami)
    equal(sorted(m), ['/dev/sda1', 'xvdca', 'xvdf', 'xvdm', 'xvdn'])
    equal((m['xvdm']['Ebs'].get('SnapshotId'), m['xvdm']['Ebs']['VolumeSize']), (None, 5))
    i = k.run(ami, type='m3.medium')
    d = devices(i)
    equal(sorted(d), ['/dev/sda1', 'xvdf', 'xvdm', 'xvdn'])
    equal(k.volume(d['xvdn'])['SnapshotId'], mapping(t['golden'])['xvdf']['Ebs']['SnapshotId'])
    k.ec2.terminate_instances(InstanceIds=[i])
    k.instance_is(i, 'terminated')


def test_bad_mapping_edits_are_refused():
    refused('InvalidBlockDeviceMapping', 'no-root', BlockDeviceMappings=[{'DeviceName': '/dev/sda1', 'NoDevice': ''}])
    refused('InvalidBlockDeviceMapping', 'ephemeral', BlockDeviceMappings=[{'DeviceName': 'xvdca', 'VirtualName': 'ephemeral24'}])
    refused('MissingParameter', 'empty-entry', BlockDeviceMappings=[{'DeviceName': 'xvdq'}])
    refused('MissingParameter', 'no-size', BlockDeviceMappings=[{'DeviceName': 'xvdq', 'Ebs': {}}])
    got, _ = code_of(k.ec2.create_image, InstanceId=t['i'], Name='encrypt-it', BlockDeviceMappings=[{'DeviceName': '/dev/sda1', 'Ebs': {'Encrypted': True}}])
    true(got in ('InvalidBlockDeviceMapping', 'InvalidParameterValue', 'InvalidParameterCombination', 'InvalidRequest'), f'C-65: {got}')


def test_dry_run_changes_nothing():
    n = len(k.ec2.describe_images(Owners=['self'])['Images'])
    equal(code_of(k.ec2.create_image, InstanceId=t['i'], Name='dry', DryRun=True)[0], 'DryRunOperation')
    equal(len(k.ec2.describe_images(Owners=['self'])['Images']), n)


def test_nvme_instance_store_needs_no_mapping_C67():
    i = k.run(t['ami'], type='m5d.large', wait='running')
    true(glob.glob(f'{k.home}/instances/{i}/ephemeral*.raw'), 'an instance store disk is there')
    equal(sorted(devices(i)), ['/dev/sda1'])
    k.ec2.terminate_instances(InstanceIds=[i])
    k.instance_is(i, 'terminated')


def test_deregister_leaves_snapshots_and_instances_C8_C68():
    e = k.ec2
    ami = create('doomed')
    k.image_available(ami)
    i = k.run(ami, type='m3.medium')
    snaps = [m['Ebs']['SnapshotId'] for m in mapping(ami).values() if 'Ebs' in m]
    code, m = code_of(e.delete_snapshot, SnapshotId=snaps[0])
    equal(code, 'InvalidSnapshot.InUse')
    true(ami in m, m)
    e.deregister_image(ImageId=ami)
    equal(e.describe_images(ImageIds=[ami])['Images'], [], 'an empty set, as Ansible wants it')
    equal(k.instance(i)['State']['Name'], 'running')
    equal(code_of(e.run_instances, ImageId=ami, InstanceType='m3.medium', MinCount=1, MaxCount=1)[0], 'InvalidAMIID.Unavailable')
    for s in snaps:
        equal(k.snapshot(s)['State'], 'completed')
        e.delete_snapshot(SnapshotId=s)
        equal(code_of(e.describe_snapshots, SnapshotIds=[s])[0], 'InvalidSnapshot.NotFound')
    k.image_available(create('doomed'))  # the name is free again
    e.terminate_instances(InstanceIds=[i])
    k.instance_is(i, 'terminated')


def test_a_windows_image_is_not_registered_from_a_snapshot_C15():
    s = mapping(t['golden'])['/dev/sda1']['Ebs']['SnapshotId']
    code, m = code_of(k.ec2.register_image, Name='from-snapshot', RootDeviceName='/dev/sda1', Architecture='x86_64',
                      BlockDeviceMappings=[{'DeviceName': '/dev/sda1', 'Ebs': {'SnapshotId': s}}])
    equal(code, 'UnsupportedOperation')
    true('Windows' in m, m)


def test_a_linux_image_is_registered_from_a_snapshot_C3():
    s = mapping(t['golden'])['xvdf']['Ebs']['SnapshotId']
    ami = k.ec2.register_image(Name='linux-from-snapshot', RootDeviceName='/dev/sda1', Architecture='x86_64', VirtualizationType='hvm',
                               BlockDeviceMappings=[{'DeviceName': '/dev/sda1', 'Ebs': {'SnapshotId': s}}])['ImageId']
    equal(k.image_available(ami)['PlatformDetails'], 'Linux/UNIX')


def test_encrypted_volumes_need_a_type_that_supports_them_C9():
    e = k.ec2
    v = e.create_volume(AvailabilityZone=AZ, Size=1, Encrypted=True)['VolumeId']
    eventually('available', lambda: k.volume(v)['State'] == 'available')
    equal(k.volume(v)['Encrypted'], True)
    e.attach_volume(VolumeId=v, InstanceId=t['i'], Device='xvdp')
    eventually('attached', lambda: k.volume(v)['Attachments'] and k.volume(v)['Attachments'][0]['State'] == 'attached')
    secret = b'top secret of the guest'
    with open(f'{k.home}/secret', 'wb') as f:
        f.write(secret.ljust(4096, b'.'))
    os.chmod(f'{k.home}/secret', 0o644)
    k.write(v, f'write -s {k.home}/secret 1M 4k', 'flush')
    ami = create('encrypted')
    k.image_available(ami)
    s = k.snapshot(mapping(ami)['xvdp']['Ebs']['SnapshotId'])
    equal(s['Encrypted'], True)
    equal(files_with(secret), ['secret'], 'nowhere else on disk in the clear')
    code, m = code_of(e.run_instances, ImageId=ami, InstanceType='m1.small', MinCount=1, MaxCount=1)
    true(code in ('InvalidParameterCombination', 'UnsupportedOperation', 'EncryptedVolumesNotSupported') and 'm1.small' in m, f'{code}: {m}')
    i = k.run(ami, type='m3.medium')
    sh('qemu-io', '-r', '-f', 'raw', '-c', 'read -P 0x2e 1025k 3k', k.nbd(devices(i)['xvdp']))
    e.terminate_instances(InstanceIds=[i])
    k.instance_is(i, 'terminated')
    e.detach_volume(VolumeId=v, Force=True)
    eventually('detached', lambda: k.volume(v)['State'] == 'available')


def test_a_volume_of_an_unencrypted_snapshot_may_be_encrypted():
    e = k.ec2
    plain = mapping(t['golden'])['xvdf']['Ebs']['SnapshotId']
    equal(k.snapshot(plain)['Encrypted'], False)
    v = e.create_volume(AvailabilityZone=AZ, SnapshotId=plain, Encrypted=True)['VolumeId']
    eventually('available', lambda: k.volume(v)['State'] == 'available')
    first = e.create_snapshot(VolumeId=v)['SnapshotId']
    eventually('completed', lambda: k.snapshot(first)['State'] == 'completed')
    second = e.create_snapshot(VolumeId=v)['SnapshotId']
    eventually('completed', lambda: k.snapshot(second)['State'] == 'completed')
    equal([k.snapshot(s)['Encrypted'] for s in (first, second)], [True, True])
    for s in (first, second):
        equal(read_back(s, 1 << 20, 65536), b'\x5a' * 65536)
    equal(k.show(second)['bytes_stored'], 0, 'nothing changed, and nothing is shared with what is not encrypted')
    true(k.show(first)['bytes_stored'] > 0, 'the first one is a full one')
    code, m = code_of(e.create_volume, AvailabilityZone=AZ, SnapshotId=first, Encrypted=False)
    equal(code, 'InvalidParameterCombination')
    true(first in m, m)
    e.delete_volume(VolumeId=v)
    for s in (second, first):
        e.delete_snapshot(SnapshotId=s)


def test_without_the_key_nothing_encrypted_is_read_and_all_is_well_when_it_is_back():
    key = f'{k.home}/keys/default'
    equal(oct(os.stat(key).st_mode & 0o777), '0o440')
    v = k.ec2.create_volume(AvailabilityZone=AZ, Size=1, Encrypted=True)['VolumeId']
    eventually('available', lambda: k.volume(v)['State'] == 'available')
    s = k.ec2.create_snapshot(VolumeId=v)['SnapshotId']
    eventually('completed', lambda: k.snapshot(s)['State'] == 'completed')
    k.kill()
    os.rename(key, f'{key}.kept')
    k.start()
    true(not os.path.exists(key), 'no new key takes the place of the lost one')
    true("is gone" in open(k.log_path).read(), 'and the log says so')
    s = k.ec2.create_snapshot(VolumeId=v)['SnapshotId']
    eventually('failed', lambda: k.snapshot(s)['State'] == 'error')
    k.kill()
    os.rename(f'{key}.kept', key)
    k.start()
    s = k.ec2.create_snapshot(VolumeId=v)['SnapshotId']
    eventually('completed', lambda: k.snapshot(s)['State'] == 'completed')


def test_key_pairs_of_windows():
    k.ec2.create_key_pair(KeyName='ed', KeyType='ed25519')
    code, m = code_of(k.ec2.run_instances, ImageId=t['ami'], InstanceType='m3.medium', MinCount=1, MaxCount=1, KeyName='ed')
    equal((code, 'ED25519' in m), ('Unsupported', True))
    key = k.ec2.create_key_pair(KeyName='rsa')['KeyMaterial']
    true(key.startswith('-----BEGIN RSA PRIVATE KEY-----'), 'PKCS#1')


def test_the_aws_cli_does_the_same_C21_C62():
    im = k.aws('create-image', '--instance-id', t['i'], '--name', 'by-aws-cli', '--no-reboot', '--description', 'by hand',
               '--block-device-mappings', '[{"DeviceName":"xvdg","NoDevice":""}]',
               '--tag-specifications', 'ResourceType=image,Tags=[{Key=a,Value=b}]')['ImageId']
    sh('aws', 'ec2', 'wait', 'image-available', '--image-ids', im, '--endpoint-url', k.endpoint, env=k.env(), timeout=60)
    got = k.aws('describe-images', '--owners', 'self', '--filters', 'Name=name,Values=by-aws-cli')['Images']
    equal((len(got), got[0]['ImageId'], got[0]['Tags']), (1, im, [{'Key': 'a', 'Value': 'b'}]))
    equal(sorted(m['DeviceName'] for m in got[0]['BlockDeviceMappings']), ['/dev/sda1', '/dev/sdb', 'xvdf'])


def test_a_long_job_survives_a_restart_C10():
    ami = create('across-a-restart')
    k.restart()
    k.image_available(ami)


def test_the_store_is_clean():
    k.store_check()
    k.stop()


run([v for n, v in list(globals().items()) if n.startswith('test_')])
