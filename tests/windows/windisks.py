# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stories of Windows disks in the pipeline share: a kilnd, disks of make-disk, and what a
snapshot's disk says about itself."""
import json, os, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

HERE = os.path.dirname(os.path.realpath(__file__))
k = Kiln('--fill', '0')


def make(name, *options):
    """A disk of 1 GiB and, beside it, what it has."""
    path = f'{k.home}/{name}.img'
    p = subprocess.run([f'{HERE}/make-disk', path, '--size', '1G', '--facts', path + '.json', *options])
    if p.returncode == SKIP:
        print('1..0 # SKIP the disk could not be made')
        sys.exit(SKIP)
    if p.returncode:
        raise Failed('make-disk')
    return path


def sid_of(path):
    return json.load(open(path + '.json'))['sid']


def snapshots():
    return {s['SnapshotId']: s['State'] for s in k.ec2.describe_snapshots(OwnerIds=['self'])['Snapshots']}


def export(snapshot):
    """The caller removes it."""
    path = f'{k.home}/{snapshot}.raw'
    k.cli('store', 'export', snapshot, path)
    return path


def inspect(snapshot):
    path = export(snapshot)
    doc = json.loads(sh(f'{BUILD}/kiln', 'windows', 'inspect', '--json', path))
    os.unlink(path)
    return doc


def create_image(instance, name, tags):
    spec = {'ResourceType': 'image', 'Tags': [{'Key': a, 'Value': b} for a, b in tags.items()]}
    return k.ec2.create_image(InstanceId=instance, Name=name, NoReboot=True,
                              TagSpecifications=[spec] if tags else [])['ImageId']


def run_prepared(ami, value, **more):
    return k.run(ami, TagSpecifications=[{'ResourceType': 'instance', 'Tags': [
        {'Key': 'kiln:prepare', 'Value': value}]}], **more)


def report(ami):
    """Of the generalise that made an image: whole, and of the image that is there."""
    r = json.load(open(f'{k.home}/reports/{ami}.json'))
    equal((r['action'], r['committed']), ('generalise', True))
    true(len(r['rows']) > 10, 'its rows')
    return r


def left():
    """Files of jobs that are over."""
    return sorted(os.path.basename(p) for pattern in ('run/windows-*', 'run/worker-*', 'run/report-*',
                                                      'volumes/*/*journal*')
                  for p in glob.glob(f'{k.home}/{pattern}'))
