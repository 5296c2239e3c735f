#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image with a TPM: each instance has one of its own, which stays through stop, start and a restart of kilnd."""
import os, re, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

k = Kiln()
t = {}


def imported(name, platform):
    k.cli('import', guest(), '--name', name, '--platform', platform, '--boot-mode', 'uefi', '--tpm')
    return k.ec2.describe_images(Filters=[{'Name': 'name', 'Values': [name]}])['Images'][0]


def key_of(i, count=1):
    out = k.console_line(i, 'GUEST-READY', count=count)
    keys = re.findall(r'GUEST-TPM 2 ([0-9a-f]{16})', out)
    equal(len(keys), count, 'lines about a TPM 2.0')
    return keys[-1]


def test_an_imported_disk_asks_for_a_tpm():
    k.start()
    im = imported('tpm', 'linux')
    equal((im['BootMode'], im['TpmSupport']), ('uefi', 'v2.0'))
    t['ami'] = im['ImageId']


def test_its_instance_has_one():
    t['i'] = k.run(t['ami'])
    t['key'] = key_of(t['i'])
    equal(k.instance(t['i'])['TpmSupport'], 'v2.0')
    found = k.ec2.describe_instances(Filters=[{'Name': 'tpm-support', 'Values': ['v2.0']}])['Reservations']
    equal([r['Instances'][0]['InstanceId'] for r in found], [t['i']])


def test_it_goes_on_while_kilnd_is_restarted_and_stays_through_stop_and_start():
    k.restart()
    k.ec2.stop_instances(InstanceIds=[t['i']])
    k.instance_is(t['i'], 'stopped')
    k.ec2.start_instances(InstanceIds=[t['i']])
    k.instance_is(t['i'], 'running')
    equal(key_of(t['i'], 2), t['key'], 'the key of its TPM')


def test_an_image_of_it_gives_new_ones():
    golden = k.ec2.create_image(InstanceId=t['i'], Name='golden', NoReboot=True)['ImageId']
    equal(k.image_available(golden)['TpmSupport'], 'v2.0')
    t['i2'] = k.run(golden)
    true(key_of(t['i2']) != t['key'], 'another instance has another TPM')


def test_a_windows_with_a_tpm_has_secure_boot():
    i = k.run(imported('unsigned', 'windows')['ImageId'])
    k.console_line(i, 'Access Denied')  # the guest's loader is signed by nobody


def test_nothing_of_it_is_left():
    ids = [i['InstanceId'] for r in k.ec2.describe_instances()['Reservations'] for i in r['Instances']]
    k.ec2.terminate_instances(InstanceIds=ids)
    for i in ids:
        k.instance_is(i, 'terminated')
    equal(os.listdir(f'{k.home}/instances'), [])
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
