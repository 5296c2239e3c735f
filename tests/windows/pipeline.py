#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Windows disk in the pipeline, without booting it: CreateImage with kiln:generalize,
RunInstances with kiln:prepare. The guest is a machine whose disk has a Windows tree and no boot
code: it runs, and does nothing."""
import hashlib, json, os, sys, time
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

HERE = os.path.dirname(os.path.realpath(__file__))
k = Kiln('--fill', '0')
t = {}


def make(name, *options):
    path = f'{k.home}/{name}.img'
    p = subprocess.run([f'{HERE}/make-disk', path, '--size', '1G', '--facts', path + '.json',
                        *options])
    if p.returncode == SKIP:
        print('1..0 # SKIP the disk could not be made')
        sys.exit(SKIP)
    if p.returncode:
        raise Failed('make-disk')
    return path


def inspect(path):
    return json.loads(sh(f'{BUILD}/kiln', 'windows', 'inspect', '--json', path))


def export(snapshot):
    path = f'{k.home}/{snapshot}.raw'
    k.cli('store', 'export', snapshot, path)
    return path


def snapshots():
    return k.ec2.describe_snapshots(OwnerIds=['self'])['Snapshots']


def sid_of(path):
    return json.load(open(path + '.json'))['sid']


def digest(path):
    return hashlib.file_digest(open(path, "rb"), "sha256").hexdigest()


def image(instance, name, tags):
    start = time.monotonic()
    spec = {'ResourceType': 'image', 'Tags': [{'Key': a, 'Value': b} for a, b in tags.items()]}
    ami = k.ec2.create_image(InstanceId=instance, Name=name, NoReboot=True,
                             TagSpecifications=[spec] if tags else [])['ImageId']
    im = k.image_settled(ami)
    return ami, im, time.monotonic() - start


def test_a_windows_disk_is_imported_and_runs():
    k.start()
    t['disk'] = make('golden')
    t['ami'], _ = k.import_disk(t['disk'], name='golden', platform='Windows')
    t['i'] = k.run(t['ami'])
    t['vol'] = k.root_volume(t['i'])


def test_a_plain_image_of_it_takes_its_time():
    ami, im, t['plain_s'] = image(t['i'], 'plain-1', {})
    equal(im['State'], 'available', str(im.get('StateReason')))
    t['plain'] = k.root_snapshot(ami)


def test_a_generalised_image_has_another_machine_sid():
    before = len(snapshots())
    t['gen_ami'], im, took = image(t['i'], 'generalised', {'kiln:generalize': 'ec2launch-v2'})
    equal(im['State'], 'available', str(im.get('StateReason')))
    true(took < t['plain_s'] + 10, f'{took:.1f} s, a plain image takes {t["plain_s"]:.1f} s')
    t['gen'] = k.root_snapshot(t['gen_ami'])
    doc = inspect(export(t['gen']))
    text = json.dumps(doc)
    true(sid_of(t['disk']) not in text, 'the old SID is still told')
    true('S-1-5-21-' in text, 'there is a SID')
    equal(len(snapshots()), before + 1, 'one snapshot more, not two')


def test_the_report_is_kept():
    r = json.load(open(f"{k.home}/reports/{t['gen_ami']}.json"))
    equal((r['action'], r['committed']), ('generalise', True))
    true(len(r['rows']) > 10, 'its rows')


def test_its_snapshot_is_incremental():
    s = k.snapshot(t['gen'])
    equal((s['State'], s['Progress'], s['VolumeId']), ('completed', '100%', t['vol']))
    st = k.show(t['gen'])
    true(st['bytes_stored'] < 16 << 20, f"stored {st['bytes_stored']} bytes")


def test_the_source_is_bit_unchanged():
    ami, im, _ = image(t['i'], 'plain-2', {})
    equal(digest(export(k.root_snapshot(ami))), digest(export(t['plain'])))
    equal(k.instance(t['i'])['State']['Name'], 'running')


def test_what_is_refused_fails_with_the_reason_and_keeps_the_plain_snapshot():
    disk = make('controller', '--case', 'controller')
    ami, _ = k.import_disk(disk, name='controller', platform='Windows')
    i = k.run(ami)
    bad, im, _ = image(i, 'refused', {'kiln:generalize': 'ec2launch-v2'})
    equal(im['State'], 'failed')
    true('domain controller' in im['StateReason']['Message'], im['StateReason']['Message'])
    states = [s['State'] for s in snapshots() if s['VolumeId'] == k.root_volume(i)]
    true('completed' in states, str(states))
    k.ec2.terminate_instances(InstanceIds=[i])


def test_a_sealed_image_is_prepared_before_its_first_boot():
    disk = make('sealed', '--sealed')
    ami, _ = k.import_disk(disk, name='sealed', platform='Windows')
    i = k.run(ami, TagSpecifications=[{'ResourceType': 'instance', 'Tags': [
        {'Key': 'kiln:prepare', 'Value': 'computer-name=WEB01;ems'}]}])
    snap = k.ec2.create_snapshot(VolumeId=k.root_volume(i))['SnapshotId']
    eventually('the snapshot', lambda: k.snapshot(snap)['State'] == 'completed')
    raw = open(export(snap), 'rb').read()
    true('WEB01'.encode() in raw or 'WEB01'.encode('utf-16le') in raw, 'the name is on the disk')
    k.ec2.terminate_instances(InstanceIds=[i])


def test_what_cannot_be_prepared_does_not_run():
    i = k.run(t['ami'], wait='', TagSpecifications=[{'ResourceType': 'instance', 'Tags': [
        {'Key': 'kiln:prepare', 'Value': 'true'}]}])
    k.instance_is(i, 'terminated')
    why = k.instance(i)['StateReason']['Message']
    true('sealed' in why or 'in use' in why, why)


def test_the_store_is_clean_and_nothing_runs_on():
    k.store_check()
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
