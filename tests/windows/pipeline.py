#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Windows disk in the pipeline, without booting it: CreateImage with kiln:generalize,
RunInstances with kiln:prepare. The guest is a machine whose disk has a Windows tree and no boot
code: it runs, and does nothing."""
import hashlib
from windisks import *

t = {}


def digest(path):
    return hashlib.file_digest(open(path, "rb"), "sha256").hexdigest()


def image(instance, name, tags):
    start = time.monotonic()
    ami = create_image(instance, name, tags)
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
    doc = inspect(t['gen'])
    text = json.dumps(doc)
    true(sid_of(t['disk']) not in text, 'the old SID is still told')
    true('S-1-5-21-' in text, 'there is a SID')
    equal(len(snapshots()), before + 1, 'one snapshot more, not two')


def test_the_report_is_kept():
    report(t['gen_ami'])
    equal(left(), [])


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
    states = [s for s in snapshots() if k.snapshot(s)['VolumeId'] == k.root_volume(i)]
    equal([k.snapshot(s)['State'] for s in states], ['completed'])
    k.ec2.terminate_instances(InstanceIds=[i])


def test_a_sealed_image_is_prepared_before_its_first_boot():
    disk = make('sealed', '--sealed')
    ami, _ = k.import_disk(disk, name='sealed', platform='Windows')
    i = run_prepared(ami, 'computer-name=WEB01;ems')
    snap = k.ec2.create_snapshot(VolumeId=k.root_volume(i))['SnapshotId']
    eventually('the snapshot', lambda: k.snapshot(snap)['State'] == 'completed')
    raw = open(export(snap), 'rb').read()
    true('WEB01'.encode() in raw or 'WEB01'.encode('utf-16le') in raw, 'the name is on the disk')
    k.ec2.terminate_instances(InstanceIds=[i])


def test_what_cannot_be_prepared_does_not_run():
    i = run_prepared(t['ami'], 'true', wait='')
    k.instance_is(i, 'terminated')
    why = k.instance(i)['StateReason']['Message']
    true('sealed' in why or 'in use' in why, why)


def test_the_store_is_clean_and_nothing_runs_on():
    k.store_check()
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
