#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache Libcloud: sends GET, indexes from 0, lists of one without an index and a user-agent with a
trailing blank, finds nothing without the namespace's slash, and unpacks exactly two children of an
error (rules 2, 4, 8, 9, 18 of the clients' reference)."""
import os
import subprocess
import sys
import tempfile

try:
    from libcloud.compute.providers import get_driver
    from libcloud.compute.types import KeyPairDoesNotExistError, Provider
except ImportError:
    print('1..0 # SKIP Debian\'s python3-libcloud is missing')
    sys.exit(0)

done = 0


def ok(name):
    global done
    done += 1
    print(f'ok {done} - {name}', flush=True)


def driver(server):
    url, key, secret, _ = (server.stdout.readline().strip() for _ in range(4))
    host, port = url.removeprefix('http://').split(':')
    return get_driver(Provider.EC2)(key, secret, region='us-east-1', host=host, port=int(port),
                                    secure=False, signature_version='4')


def stories(ec2):
    assert [z.name for z in ec2.ex_list_availability_zones()] == [f'us-east-1{c}' for c in 'abc']
    ok('zones are found, hence the namespace')
    made = ec2.create_key_pair('lc')
    assert made.private_key.startswith('-----BEGIN RSA PRIVATE KEY-----')
    assert [k.name for k in ec2.list_key_pairs()] == ['lc']
    ok('a key pair is made and listed')
    volume = ec2.create_volume(2, 'vol', location=ec2.list_locations()[0])
    assert ec2.ex_describe_tags(volume) == {'Name': 'vol'}
    ec2.ex_create_tags(volume, {'a': 'b', 'c': ''})
    tags = ec2.ex_describe_tags(volume)
    assert (tags['Name'], tags['a']) == ('vol', 'b') and not tags['c'], tags
    ec2.ex_delete_tags(volume, {'a': 'b'})
    assert 'a' not in ec2.ex_describe_tags(volume)
    assert [v.id for v in ec2.list_volumes()] == [volume.id]
    ok('a volume is made and tagged with index 0')
    try:
        ec2.get_key_pair('none')
        raise AssertionError('found')
    except KeyPairDoesNotExistError as e:
        assert e.name == 'none', e
    try:
        ec2.ex_list_internet_gateways()
        raise AssertionError('answered')
    except Exception as e:
        assert 'InvalidAction' in str(e), e
    ok('errors are understood')


def main():
    with tempfile.TemporaryDirectory(prefix='kiln-test-') as home:
        server = subprocess.Popen([os.environ['KILN_API_SERVER'], home], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            stories(driver(server))
            server.stdin.close()
            assert server.wait(20) == 0
        finally:
            if server.poll() is None:
                server.kill()
    print(f'1..{done}')


main()
