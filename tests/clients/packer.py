#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Packer with an amazon-ebs template as people have them: only the endpoint is Kiln's."""
import os, re, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

HERE = pathlib.Path(__file__).resolve().parent
k = Kiln()
t = {}


def packer(template=HERE / 'golden.json'):
    """Packer's polls come every two seconds in place of its fifteen."""
    env = dict(os.environ, AWS_ACCESS_KEY_ID=k.credentials['access_key_id'], CHECKPOINT_DISABLE='1',
               AWS_SECRET_ACCESS_KEY=k.credentials['secret_access_key'], AWS_ENDPOINT_URL=k.endpoint,
               AWS_POLL_DELAY_SECONDS='2', HOME=k.home)
    said = sh('packer', 'build', '-color=false', template, env=env, timeout=300)
    return re.findall(r'us-east-1: (ami-[0-9a-f]+)', said)[-1], said


def test_packer_builds_an_image():
    k.start()
    t['base'], _ = k.import_disk(guest(), name='base')
    t['ami'], _ = packer()
    image = t['image'] = k.ec2.describe_images(ImageIds=[t['ami']])['Images'][0]
    equal((image['Name'], image['Description'], image['State']), ('golden', 'by Packer', 'available'))
    equal(image['Tags'], [{'Key': 'made-from', 'Value': t['base']}])
    disks = {m['DeviceName']: m for m in image['BlockDeviceMappings']}
    equal(sorted(disks), ['/dev/sda1', '/dev/sdb', '/dev/sdf'])
    equal(disks['/dev/sdb']['VirtualName'], 'ephemeral0')
    shared = k.ec2.describe_image_attribute(ImageId=t['ami'], Attribute='launchPermission')
    equal(shared['LaunchPermissions'], [{'UserId': '222222222222'}])
    for device in ('/dev/sda1', '/dev/sdf'):
        snapshot = disks[device]['Ebs']['SnapshotId']
        equal(k.ec2.describe_snapshots(SnapshotIds=[snapshot])['Snapshots'][0]['Tags'],
              [{'Key': 'made-from', 'Value': t['base']}, {'Key': 'of', 'Value': 'golden'}])
        shared = k.ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute='createVolumePermission')
        equal(shared['CreateVolumePermissions'], [{'UserId': '222222222222'}])


def test_nothing_of_the_build_stays():
    builders = [i for r in k.ec2.describe_instances()['Reservations'] for i in r['Instances']]
    equal({i['State']['Name'] for i in builders}, {'terminated'})
    equal(k.ec2.describe_volumes()['Volumes'], [])
    equal(k.ec2.describe_key_pairs()['KeyPairs'], [])
    equal([g['GroupName'] for g in k.ec2.describe_security_groups()['SecurityGroups']], ['default'])


def test_an_instance_of_it_has_what_the_builder_made():
    i = k.run(t['ami'], UserData='#!/bin/sh\ncat /disk/golden\n')
    k.console_line(i, 'customised in 1 boots')
    k.ec2.terminate_instances(InstanceIds=[i])
    k.instance_is(i, 'terminated')


def test_a_second_build_takes_its_place():
    """force_deregister: the name is in use, and the old image goes with its snapshots."""
    old = [m['Ebs']['SnapshotId'] for m in t['image']['BlockDeviceMappings'] if 'Ebs' in m]
    ami, _ = packer()
    equal([i['ImageId'] for i in k.ec2.describe_images(Owners=['self'])['Images'] if i['Name'] == 'golden'], [ami])
    left = {s['SnapshotId'] for s in k.ec2.describe_snapshots(OwnerIds=['self'])['Snapshots']}
    equal(left & set(old), set())


def test_encrypted_and_in_another_region():
    """encrypt_boot and ami_regions: copies in place and elsewhere of an image that is dropped afterwards."""
    template = json.load(open(HERE / 'golden.json'))
    template['builders'][0].update(ami_name='far', encrypt_boot=True, ami_regions=['us-east-1', 'eu-west-1'],
                                   user_data_file=str(HERE / 'customise.sh'))
    del template['builders'][0]['snapshot_users']  # EC2 refuses to share what is encrypted with its own key
    del template['builders'][0]['ami_users']
    path = f'{k.home}/far.json'
    json.dump(template, open(path, 'w'))
    ami, said = packer(path)
    far = re.findall(r'eu-west-1: (ami-[0-9a-f]+)', said)[-1]
    there = k.client('eu-west-1')
    copies = there.describe_images(Filters=[{'Name': 'source-image-region', 'Values': ['us-east-1']}])
    equal([i['ImageId'] for i in copies['Images']], [far])
    for client, id in ((k.ec2, ami), (there, far)):
        image = client.describe_images(ImageIds=[id])['Images'][0]
        equal((image['Name'], image['State']), ('far', 'available'))
        disks = {m['DeviceName']: m['Ebs'] for m in image['BlockDeviceMappings'] if 'Ebs' in m}
        equal({d: e['Encrypted'] for d, e in disks.items()}, {'/dev/sda1': True, '/dev/sdf': True})
        for e in disks.values():
            s = client.describe_snapshots(SnapshotIds=[e['SnapshotId']])['Snapshots'][0]
            equal((s['State'], s['Encrypted'], s['Tags']), ('completed', True, [{'Key': 'made-from', 'Value': t['base']}, {'Key': 'of', 'Value': 'golden'}]))
    equal({i['Name'] for i in k.ec2.describe_images(Owners=['self'])['Images']}, {'base', 'golden', 'far'})
    i = there.run_instances(ImageId=far, InstanceType='t3.nano', MinCount=1, MaxCount=1, UserData='#!/bin/sh\ncat /disk/golden\n')['Instances'][0]['InstanceId']
    k.console_line(i, 'customised in 1 boots')
    there.terminate_instances(InstanceIds=[i])
    k.stop()


if not shutil.which('packer'):
    print('1..0 # SKIP packer is missing (tools/setup-debian --test)')
    sys.exit(SKIP)
run([v for n, v in list(globals().items()) if n.startswith('test_')])
