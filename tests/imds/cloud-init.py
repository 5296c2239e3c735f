#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloud-init's own EC2 data source crawls the service. Skipped unless its package is there for /usr/bin/python3."""
import json, os, subprocess, sys, tempfile

from imdslib import *
from imdsworld import *

PYTHON = '/usr/bin/python3'
CRAWL = r'''
import json, sys
from cloudinit import helpers, settings
from cloudinit.sources import DataSourceEc2 as ec2

ec2.identify_platform = lambda: ec2.CloudNames.AWS  # what the SMBIOS identity of an instance tells it
cfg = {**settings.CFG_BUILTIN, 'datasource': {'Ec2': {'metadata_urls': ['http://169.254.169.254'], 'max_wait': 10, 'timeout': 5}}}
ds = ec2.DataSourceEc2(cfg, None, helpers.Paths({'cloud_dir': sys.argv[1], 'run_dir': sys.argv[1]}))
found = ds._get_data()
print(json.dumps({
    'found': found, 'id': ds.get_instance_id(), 'metadata': ds.metadata, 'user-data': (ds.userdata_raw or b'').decode(),
    'keys': ds.get_public_ssh_keys(), 'zone': ds.availability_zone, 'region': ds.region, 'token': bool(ds._api_token),
    'ephemeral': ds.device_name_to_device('ephemeral0'), 'document': ds.identity, 'hostname': ds.metadata.get('local-hostname'),
}))
'''


def crawl(*args):
    with serve(*args), tempfile.TemporaryDirectory() as d:
        p = inside('guest', PYTHON, '-c', CRAWL, d)
        check(p.returncode == 0, p.stderr[-2000:])
        return json.loads(p.stdout)


def test_it_finds_all_with_tokens():
    got = crawl('--required', '--tags')
    check(got['found'] and got['token'] and got['id'] == iid(GUEST), got)
    check(got['hostname'] == 'ip-10-77-0-10.ec2.internal' and got['user-data'] == '#!/bin/sh\necho hello\n', got)
    check(got['keys'] == ['ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 my-key'], got['keys'])
    check(got['zone'] == 'us-east-1a' and got['region'] == 'us-east-1', got)
    check(got['document']['instanceId'] == iid(GUEST), got['document'])
    m = got['metadata']
    check(m['tags']['instance']['Name'] == 'build <1>', m.get('tags'))
    mac = m['network']['interfaces']['macs']['02:00:0a:4d:00:0a']
    check(mac['local-ipv4s'] == GUEST and mac['ipv4-associations'] == {'203.0.113.7': GUEST}, mac)
    check(mac['device-number'] == '0' and mac['security-groups'] == ['default', 'web servers'], mac)
    check(m['block-device-mapping'] == {'ami': '/dev/sda1', 'root': '/dev/sda1', 'ebs1': 'sdb', 'ebs2': 'sdf', 'ephemeral0': 'sdc'},
          m['block-device-mapping'])


def test_it_is_content_with_an_instance_that_has_little():
    got = crawl('--bare')
    check(got['found'] and got['id'] == iid(GUEST) and got['keys'] == [] and got['user-data'] == '', got)


if __name__ == '__main__':
    if subprocess.run([PYTHON, '-c', 'import cloudinit.sources.DataSourceEc2'], capture_output=True).returncode != 0:
        skip('cloud-init is not installed')
    enter_a_world_of_our_own()
    run(sys.modules[__name__])
