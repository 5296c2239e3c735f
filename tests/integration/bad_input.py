#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input: EC2's error code, a sentence that says what and why, nothing lost."""
import datetime, os, sys, types, urllib.request, urllib.error
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *
import botocore.auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

k = Kiln()
t = {}


def disk(name, *create, fmt='raw', size='64M'):
    path = f'{k.home}/{name}'
    sh('qemu-img', 'create', '-q', '-f', fmt, *create, path, size)
    os.chmod(path, 0o644)
    return path


def failed_import(path, fmt):
    t['n'] = t.get('n', 0) + 1
    task = k.ec2.import_image(DiskContainers=[{'Format': fmt, 'Url': f'file://{path}'}], Platform='Linux',
                              TagSpecifications=[{'ResourceType': 'import-image-task', 'Tags': [{'Key': 'Name', 'Value': f"bad-{t['n']}"}]}])['ImportTaskId']

    def look():
        got = k.ec2.describe_import_image_tasks(ImportTaskIds=[task])['ImportImageTasks'][0]
        return got['Status'] != 'active' and got
    got = eventually('the import ends', look)
    equal(got['Status'], 'deleted')
    for im in k.ec2.describe_images(Owners=['self'])['Images']:
        if im['Name'] == f"bad-{t['n']}":
            equal(im['State'], 'failed')
    return got['StatusMessage']


def raw_request(body, date=None, key=None, secret=None, headers=None, sign=True):
    """A request with a signature of the test's own making; answers (status, text)."""
    c = k.credentials
    r = AWSRequest('POST', k.endpoint + '/', data=body, headers={'Content-Type': 'application/x-www-form-urlencoded'})
    if sign:
        auth = SigV4Auth(Credentials(key or c['access_key_id'], secret or c['secret_access_key']), 'ec2', c['region'])
        real = botocore.auth.datetime
        if date:
            class Then(datetime.datetime):
                @classmethod
                def utcnow(cls):
                    return date
            botocore.auth.datetime = types.SimpleNamespace(datetime=Then, timedelta=datetime.timedelta)
        try:
            auth.add_auth(r)
        finally:
            botocore.auth.datetime = real
    p = r.prepare()
    req = urllib.request.Request(p.url, data=p.body if isinstance(p.body, bytes) else (p.body or '').encode(), headers=dict(p.headers), method='POST')
    try:
        with urllib.request.urlopen(req, timeout=30) as a:
            return a.status, a.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def test_the_daemon_is_up():
    k.start()


def test_a_truncated_vhdx_is_refused_with_the_reason():
    p = disk('whole.vhdx', fmt='vhdx')
    data = open(p, 'rb').read()
    cut = f'{k.home}/cut.vhdx'
    open(cut, 'wb').write(data[:100000])
    os.chmod(cut, 0o644)
    m = failed_import(cut, 'VHDX')
    true('cut.vhdx' in m, m)


def test_a_wrong_format_is_refused_with_a_hint():
    p = disk('really.qcow2', fmt='qcow2')
    m = failed_import(p, 'RAW')
    true('qcow2' in m, m)
    m = failed_import(disk('plain.raw'), 'VHDX')
    true('plain.raw' in m, m)


def test_a_backing_file_is_refused():
    base = disk('base.raw')
    p = f'{k.home}/child.qcow2'
    sh('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', p)
    os.chmod(p, 0o644)
    m = failed_import(p, 'QCOW2')
    true('backing' in m, m)


def test_a_data_file_is_refused():
    p = f'{k.home}/ext.qcow2'
    sh('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', f'data_file={k.home}/ext.data', p, '64M')
    os.chmod(p, 0o644)
    m = failed_import(p, 'QCOW2')
    true('another file' in m, m)


def test_an_unsupported_format_and_a_missing_file_are_refused():
    code, m = code_of(k.ec2.import_image, DiskContainers=[{'Format': 'OVA', 'Url': 'file:///x.ova'}])
    true(code in ('InvalidParameterValue', 'UnsupportedOperation') and 'ova' in m.lower(), f'{code}: {m}')
    m = failed_import(f'{k.home}/nothere.raw', 'RAW')
    true('nothere.raw' in m, m)


def test_unknown_and_malformed_ids_have_ec2s_codes():
    e = k.ec2
    for fn, args, want in [
        (e.describe_instances, {'InstanceIds': ['i-0123456789abcdef0']}, 'InvalidInstanceID.NotFound'),
        (e.describe_instances, {'InstanceIds': ['i-xyz']}, 'InvalidInstanceID.Malformed'),
        (e.describe_images, {'ImageIds': ['ami-0123456789abcdef0']}, 'InvalidAMIID.NotFound'),
        (e.describe_images, {'ImageIds': ['ami-xyz']}, 'InvalidAMIID.Malformed'),
        (e.run_instances, {'ImageId': 'ami-0123456789abcdef0', 'InstanceType': 't3.nano', 'MinCount': 1, 'MaxCount': 1}, 'InvalidAMIID.NotFound'),
        (e.delete_snapshot, {'SnapshotId': 'snap-0123456789abcdef0'}, 'InvalidSnapshot.NotFound'),
        (e.delete_volume, {'VolumeId': 'vol-0123456789abcdef0'}, 'InvalidVolume.NotFound'),
        (e.create_image, {'InstanceId': 'i-0123456789abcdef0', 'Name': 'abc'}, 'InvalidInstanceID.NotFound'),
        (e.create_tags, {'Resources': ['i-0123456789abcdef0'], 'Tags': [{'Key': 'a', 'Value': 'b'}]}, 'InvalidInstanceID.NotFound'),
        (e.create_tags, {'Resources': ['nonsense'], 'Tags': [{'Key': 'a', 'Value': 'b'}]}, 'InvalidID'),
        (e.describe_key_pairs, {'KeyNames': ['nokey']}, 'InvalidKeyPair.NotFound'),
    ]:
        code, m = code_of(fn, **args)
        equal(code, want, fn.__name__)
        true(len(m) > 10, m)


def test_a_wrong_signature_is_an_auth_failure():
    status, text = raw_request('Action=DescribeRegions&Version=2016-11-15', secret='wrong')
    equal(status, 401)
    true('<Code>AuthFailure</Code>' in text, text)
    status, text = raw_request('Action=DescribeRegions&Version=2016-11-15', key='AKIAUNKNOWNUNKNOWN00')
    equal(status, 401)
    status, text = raw_request('Action=DescribeRegions&Version=2016-11-15', sign=False)
    equal(status, 400)
    true('<Code>MissingParameter</Code>' in text and 'AWSAccessKeyId' in text, text)


def test_a_clock_off_by_twenty_minutes_is_request_expired():
    for minutes in (-20, 20):
        when = datetime.datetime.utcnow() + datetime.timedelta(minutes=minutes)
        status, text = raw_request('Action=DescribeRegions&Version=2016-11-15', date=when)
        equal(status, 400)
        true('<Code>RequestExpired</Code>' in text, text)
    status, _ = raw_request('Action=DescribeRegions&Version=2016-11-15', date=datetime.datetime.utcnow())
    equal(status, 200)


def test_a_body_of_ten_megabytes_is_refused():
    status, text = raw_request('Action=DescribeRegions&Version=2016-11-15&X=' + 'a' * (10 << 20))
    equal(status, 413)
    true('<Code>RequestEntityTooLarge</Code>' in text, text[:300])


def test_unknown_actions_and_parameters_are_refused_by_name():
    status, text = raw_request('Action=MakeCoffee&Version=2016-11-15')
    equal(status, 400)
    true('<Code>InvalidAction</Code>' in text and 'MakeCoffee' in text, text)
    status, text = raw_request('Action=DescribeRegions&Version=2016-11-15&Sugar=2')
    true('<Code>UnknownParameter</Code>' in text and 'Sugar' in text, text)
    status, text = raw_request('Version=2016-11-15')
    true('<Code>MissingAction</Code>' in text, text)


def test_what_a_later_version_brings_is_refused_by_name():
    ami, _ = k.import_disk(disk('good.raw'), name='good')
    t['ami'] = ami
    code, m = code_of(k.ec2.run_instances, ImageId=ami, InstanceType='t3.nano', MinCount=1, MaxCount=1, IamInstanceProfile={'Name': 'none'})
    true('IamInstanceProfile' in m, f'{code}: {m}')
    equal(k.ec2.describe_instances()['Reservations'], [])


def test_a_name_that_exists_is_refused_and_names_the_image():
    i = k.run(t['ami'])
    t['i'] = i
    first = k.ec2.create_image(InstanceId=i, Name='taken', NoReboot=True)['ImageId']
    code, m = code_of(k.ec2.create_image, InstanceId=i, Name='taken', NoReboot=True)
    equal(code, 'InvalidAMIName.Duplicate')
    equal(m, f'AMI name taken is already in use by AMI {first}')
    k.image_available(first)


def test_more_memory_than_there_is_is_insufficient_capacity():
    code, m = code_of(k.ec2.run_instances, ImageId=t['ami'], InstanceType='m5.24xlarge', MinCount=2, MaxCount=2)
    equal(code, 'InsufficientInstanceCapacity')
    true(any(c.isdigit() for c in m), m)
    equal(len(k.ec2.describe_instances()['Reservations']), 1, 'nothing was launched')


def test_a_full_disk_fails_the_snapshot_and_not_the_guest():
    """The store lies on a small file system of its own (root only)."""
    if os.getuid() != 0:
        print('# not root: no file system of its own')
        return
    small = Kiln(name='full')
    os.makedirs(f'{small.home}/store')
    sh('mount', '-t', 'tmpfs', '-o', 'size=24m,mode=0777', 'tmpfs', f'{small.home}/store')
    try:
        small.start()
        p = f'{small.home}/noise.raw'
        with open(p, 'wb') as f:
            f.write(os.urandom(64 << 20))
        os.chmod(p, 0o644)
        ami, task = small.import_disk(p, name='too-big', wait=False)
        im = small.image_settled(ami)
        equal(im['State'], 'failed')
        true('No space left' in im['StateReason']['Message'], im['StateReason']['Message'])
        p = f'{small.home}/little.raw'
        with open(p, 'wb') as f:
            f.write(os.urandom(4 << 20))
        os.chmod(p, 0o644)
        ami, _ = small.import_disk(p, name='fits')  # what the failed one left was given back
        out, filler = f'{small.home}/store/out.raw', f'{small.home}/store/filler'
        disk = os.statvfs(f'{small.home}/store')
        with open(filler, 'wb') as f:  # 4 MiB are to come, 2 are left
            f.write(bytes(disk.f_bavail * disk.f_frsize - (2 << 20)))
        try:
            small.cli('store', 'export', small.root_snapshot(ami), out)
            raise AssertionError('exported to a full disk')
        except Failed as why:
            true('No space left' in str(why), str(why))
        equal([os.path.exists(out), os.path.exists(f'{out}.part')], [False, False])
        os.unlink(filler)
        small.store_check()
        small.stop()
    finally:
        sh('umount', '-l', f'{small.home}/store')


def test_a_checkout_that_only_its_owner_may_enter_works():
    """As a home directory on Debian: helpers run as a user who cannot come there."""
    if os.geteuid() != 0:
        return
    with tempfile.TemporaryDirectory(dir='/tmp') as closed:  # 0700
        for name in 'kilnd', 'kiln-worker', 'kiln-volume.so', 'kiln-imds-relay', 'kiln-serial', 'kiln-freeze':
            shutil.copy(BUILD / name, closed)
        other = Kiln(programs=pathlib.Path(closed))
        other.start()
        try:
            ami, _ = other.import_disk(guest(), name='tiny')
            other.console_line(other.run(ami), 'GUEST-READY')
        finally:
            other.stop()


def test_everything_is_as_before():
    equal(k.instance(t['i'])['State']['Name'], 'running')
    k.store_check()
    k.stop()


run([v for n, v in list(globals().items()) if n.startswith('test_')])
