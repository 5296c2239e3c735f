#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""botocore, the library under the AWS CLI, boto3 and Ansible: what it parses of the answers,
presigned requests, its paginators, its reading of errors, and a clock that is wrong."""
import datetime, hashlib, os, shutil, subprocess, sys, tempfile, urllib.error, urllib.request

try:
    import botocore.auth
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    print('1..0 # SKIP Debian\'s python3-botocore is missing')
    sys.exit(0)

done = 0


def ok(name):
    global done
    done += 1
    print(f'ok {done} - {name}', flush=True)


def refused(code, status, fn, **kw):
    try:
        fn(**kw)
    except ClientError as e:
        r = e.response
        assert (r['Error']['Code'], r['ResponseMetadata']['HTTPStatusCode']) == (code, status), r
        assert len(r['ResponseMetadata']['RequestId']) == 36, r
        return r['Error']['Message']
    raise AssertionError(f'accepted, but {code} was expected')


def client(url, key, secret, region='us-east-1', service='ec2'):
    return botocore.session.Session().create_client(
        service, region_name=region, endpoint_url=url, aws_access_key_id=key,
        aws_secret_access_key=secret, config=Config(retries={'max_attempts': 0}))


def pages(ec2):
    whole = [t['InstanceType'] for t in ec2.describe_instance_types()['InstanceTypes']]
    paged = [t['InstanceType'] for p in ec2.get_paginator('describe_instance_types').paginate(
        PaginationConfig={'PageSize': 7}) for t in p['InstanceTypes']]
    assert whole == paged and len(whole) > 20
    ids = ec2.create_key_pair(KeyName='tagged', KeyType='ed25519')['KeyPairId']
    ec2.create_tags(Resources=[ids], Tags=[{'Key': f'k{i:02}', 'Value': str(i)} for i in range(50)])
    found = ec2.get_paginator('describe_tags').paginate(PaginationConfig={'PageSize': 9})
    got = [t['Value'] for p in found for t in p['Tags']]
    assert got == [str(i) for i in range(50)], got
    ok('paginators see every item once, in order')


def odd_text(ec2, odd='a&b=c d+e/<f>"g" \u00fc\u20ac\U0001f600\t'):
    key = ec2.describe_key_pairs(KeyNames=['tagged'])['KeyPairs'][0]['KeyPairId']
    ec2.delete_tags(Resources=[key])
    ec2.create_tags(Resources=[key], Tags=[{'Key': odd, 'Value': odd}])
    assert ec2.describe_tags()['Tags'][0]['Value'] == odd
    found = ec2.describe_tags(Filters=[{'Name': f'tag:{odd}', 'Values': [odd]}])['Tags']
    assert found[0]['Key'] == odd
    ok('odd text comes back as it went')


def presigned(ec2, url):
    signed = ec2.generate_presigned_url('describe_regions', Params={'RegionNames': ['eu-west-1']},
                                        HttpMethod='GET')
    body = urllib.request.urlopen(signed).read()
    assert b'<regionName>eu-west-1</regionName>' in body
    try:
        urllib.request.urlopen(signed.replace('eu-west-1', 'eu-west-2', 1))
        raise AssertionError('a changed one was accepted')
    except urllib.error.HTTPError as e:
        assert e.code == 401 and b'AuthFailure' in e.read()
    ok('a presigned request works, a changed one does not')


def wrong_clock(ec2):
    real = getattr(botocore.auth, 'get_current_datetime', None)
    if not real:
        return ok('a clock that is off is told # SKIP botocore has its clock elsewhere')
    for minutes, word in ((-20, 'behind'), (20, 'ahead of')):
        off = datetime.timedelta(minutes=minutes)
        botocore.auth.get_current_datetime = lambda *a, **k: real(*a, **k) + off
        said = refused('RequestExpired', 400, ec2.describe_regions)
        assert word in said and ('1200' in said or '1199' in said or '1201' in said), said
    botocore.auth.get_current_datetime = real
    ok('a clock that is off is told by how much')


def errors(ec2):
    refused('InvalidKeyPair.NotFound', 400, ec2.describe_key_pairs, KeyNames=['none'])
    refused('DryRunOperation', 412, ec2.describe_regions, DryRun=True)
    refused('InvalidAction', 400, ec2.describe_transit_gateways)
    refused('InvalidParameterValue', 400, ec2.describe_instance_types, MaxResults=101)
    ok('errors carry code, status and request id')


def run(*args, **kw):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE, **kw).stdout


def made_keys(ec2, home):
    """Rule 12 of the clients' reference: PKCS#1. ssh-keygen and openssl check both halves."""
    rsa = ec2.create_key_pair(KeyName='rsa')
    ed = ec2.create_key_pair(KeyName='ed', KeyType='ed25519')
    assert rsa['KeyMaterial'].startswith('-----BEGIN RSA PRIVATE KEY-----\n')
    for k in rsa, ed:
        path = f'{home}/{k["KeyName"]}.pem'
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), 'w') as f:
            f.write(k['KeyMaterial'])
        seen = ec2.describe_key_pairs(KeyNames=[k['KeyName']], IncludePublicKey=True)['KeyPairs'][0]
        mine = run('ssh-keygen', '-y', '-f', path, text=True)
        assert mine.split()[:2] == seen['PublicKey'].split()[:2]
    der = run('openssl', 'pkcs8', '-in', f'{home}/rsa.pem', '-topk8', '-nocrypt', '-outform', 'DER')
    assert hashlib.sha1(der).hexdigest() == rsa['KeyFingerprint'].replace(':', '')
    printed = run('ssh-keygen', '-l', '-f', f'{home}/ed.pem', text=True).split()[1]
    assert printed.removeprefix('SHA256:') + '=' == ed['KeyFingerprint']
    secrets = (rsa['KeyMaterial'].split('\n')[5].encode(), b'PRIVATE KEY')
    for name in os.listdir(home):
        if not name.endswith('.pem'):
            assert not any(s in open(f'{home}/{name}', 'rb').read() for s in secrets), name
    ok('made keys are what ssh-keygen and openssl say, and kept nowhere')


def imported_keys(ec2, home):
    own = f'{home}/own.pem'
    run('ssh-keygen', '-q', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', '', '-C', 'me', '-f', own)
    line = open(own + '.pub').read()
    pem = run('ssh-keygen', '-e', '-m', 'PKCS8', '-f', own + '.pub')
    der = run('openssl', 'rsa', '-in', own, '-pubout', '-outform', 'DER', stderr=subprocess.DEVNULL)
    forms = {'line': line.encode(), 'pem': pem,
             'rfc4716': run('ssh-keygen', '-e', '-f', own + '.pub'),
             'pkcs1': run('ssh-keygen', '-e', '-m', 'PEM', '-f', own + '.pub'),
             'der64': b''.join(l for l in pem.splitlines() if b'--' not in l)}
    for name, text in forms.items():
        got = ec2.import_key_pair(KeyName=name, PublicKeyMaterial=text)
        assert got['KeyFingerprint'].replace(':', '') == hashlib.md5(der).hexdigest(), name
    keys = ec2.describe_key_pairs(KeyNames=list(forms), IncludePublicKey=True)['KeyPairs']
    assert {k['PublicKey'].split()[1] for k in keys} == {line.split()[1]}
    run('ssh-keygen', '-q', '-t', 'ecdsa', '-N', '', '-f', f'{home}/ec.pem')
    other, private = open(f'{home}/ec.pem.pub', 'rb').read(), open(own, 'rb').read()
    for bad in other, private, b'hello', b'ssh-rsa AAAA':
        refused('InvalidKey.Format', 400, ec2.import_key_pair, KeyName='bad', PublicKeyMaterial=bad)
    ok('public keys are imported in every form, others refused')


def main():
    with tempfile.TemporaryDirectory(prefix='kiln-test-') as home:
        p = subprocess.Popen([os.environ['KILN_API_SERVER'], home], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            url, key, secret, account = (p.stdout.readline().strip() for _ in range(4))
            ec2 = client(url, key, secret)
            pages(ec2)
            odd_text(ec2)
            presigned(ec2, url)
            wrong_clock(ec2)
            errors(ec2)
            if shutil.which('ssh-keygen') and shutil.which('openssl'):
                made_keys(ec2, home)
                imported_keys(ec2, home)
            refused('AuthFailure', 401, client(url, key, 'wrong').describe_regions)
            refused('AuthFailure', 401, client(url, 'AKIANOBODY', secret).describe_regions)
            sts = client(url, key, secret, service='sts')
            assert sts.get_caller_identity()['Account'] == account
            refused('InvalidClientTokenId', 403,
                    client(url, 'AKIANOBODY', secret, service='sts').get_caller_identity)
            ok('sts answers at the same address')
            p.stdin.close()
            assert p.wait(20) == 0
        finally:
            if p.poll() is None:
                p.kill()
    print(f'1..{done}')


main()
