#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""CreateImage with kiln:generalize of a large Windows: a disk of 20 GiB, 100,000 files, a SOFTWARE of
60 MB, at a machine that runs. It may take 10 seconds more than CreateImage without the tag."""
from windisks import *

MORE_SECONDS = 10
t = {}


def seconds(name, tags):
    start = time.monotonic()
    ami = create_image(t['i'], name, tags)
    im = k.image_settled(ami, 300)
    equal(im['State'], 'available', str(im.get('StateReason')))
    return ami, time.monotonic() - start


def test_a_large_windows_disk_is_imported_and_runs():
    k.start()
    disk = make('golden', '--size', '20G', '--files', '100000', '--software', '60')
    t['sid'] = sid_of(disk)
    t['i'] = k.run(k.import_disk(disk, name='golden', platform='Windows')[0])


def test_generalise_takes_few_seconds_more():
    _, first = seconds('plain', {})  # reads all: the volume has no point yet
    _, plain = seconds('plain again', {})
    ami, took = seconds('generalised', {'kiln:generalize': 'ec2launch-v2'})
    print(f'# CreateImage {first:.2f} s, again {plain:.2f} s, with generalise {took:.2f} s')
    true(took < plain + MORE_SECONDS, f'{took:.1f} s, without it {plain:.1f} s')
    rows = report(ami)['rows']
    old = [r['before'] for r in rows if r['what'] == 'machine SID' and r.get('before')]
    true(t['sid'] in old, f'the machine SID of the report: {old}')
    equal(left(), [])
    equal(k.instance(t['i'])['State']['Name'], 'running')


run([v for n, v in list(globals().items()) if n.startswith('test_')])
