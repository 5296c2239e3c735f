#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests with public addresses: the host logs in by rule, the address changes with a stop, an elastic one does not."""
from guestlib import *

requires('ssh', 'dnsmasq', 'nft', 'aws')
k = Kiln()
t = {}


def ssh(address, command, seconds=120):
    """What the command says on the guest at this address, as soon as it can be logged into."""
    options = [o for v in ('StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'ConnectTimeout=5', 'LogLevel=ERROR',
                           'BatchMode=yes') for o in ('-o', v)]

    def look():
        try:  # a connection that is there when its address goes to another hears nothing any more
            p = subprocess.run(['ssh', '-i', t['pem'], *options, f'root@{address}', command], capture_output=True, text=True,
                               timeout=20)
        except subprocess.TimeoutExpired:
            return None
        return p.stdout.strip() if p.returncode == 0 else None
    return eventually(f'ssh {address} {command}', look, seconds)


def metadata(address, path):
    return ssh(address, 'T=$(printf "PUT /latest/api/token HTTP/1.0\\r\\nX-aws-ec2-metadata-token-ttl-seconds: 60\\r\\n\\r\\n" |'
                        ' nc 169.254.169.254 80 | tail -n 1); wget -q -O - --header "X-aws-ec2-metadata-token: $T"'
                        f' http://169.254.169.254/latest/meta-data/{path} || echo none')


def knock(address, port=22, timeout=1.0):
    """'in', or the word of the error."""
    with socket.socket() as s:
        s.settimeout(timeout)
        try:
            s.connect((address, port))
            return 'in'
        except OSError as e:
            return e.strerror or 'silence'


def test_the_host_logs_in_where_a_rule_admits_it():
    k.start()
    t['pem'] = f'{k.home}/key.pem'
    with open(t['pem'], 'w', opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
        f.write(k.ec2.create_key_pair(KeyName='launch')['KeyMaterial'])
    t['open'] = k.ec2.create_security_group(GroupName='open', Description='ssh')['GroupId']
    k.ec2.authorize_security_group_ingress(GroupId=t['open'], IpProtocol='tcp', FromPort=22, ToPort=22, CidrIp='0.0.0.0/0')
    ami, _ = k.import_disk(guest('--ssh'), name='tiny')
    t['a'] = k.run(ami, KeyName='launch', SecurityGroupIds=[t['open']])
    p = subprocess.run([BUILD / 'kiln', 'launch', 'tiny', '--type', 't3.nano', '--key', 'launch', '--wait'], env=k.env(),
                       capture_output=True, text=True, timeout=180)
    t['b'] = p.stdout.strip()
    for w in 'ab':
        k.console_line(t[w], 'GUEST-SSH')
        t['at-' + w] = k.instance(t[w])['PublicIpAddress']
        equal(k.instance(t[w])['PublicDnsName'], t['at-' + w])
    true(t['at-a'] != t['at-b'], 'two addresses')
    true(f"{t['b']} is at {t['at-b']}\n" in p.stderr, p.stderr)
    equal(ssh(t['at-a'], 'hostname'), k.instance(t['a'])['PrivateDnsName'])
    equal(knock(t['at-b']), 'silence', 'no rule')
    true(t['at-a'] in k.cli('ls') and t['at-b'] in k.cli('ls'), 'kiln ls')


def test_the_guest_reads_its_public_address():
    mac = network(k, t['a'])['MacAddress']
    for path in ('public-ipv4', 'public-hostname', f'network/interfaces/macs/{mac}/public-ipv4s'):
        equal(metadata(t['at-a'], path), t['at-a'], path)
    equal(metadata(t['at-a'], f"network/interfaces/macs/{mac}/ipv4-associations/{t['at-a']}"),
          k.instance(t['a'])['PrivateIpAddress'])


def test_a_neighbour_comes_in_by_the_public_address():
    k.ec2.authorize_security_group_ingress(GroupId=k.instance(t['b'])['SecurityGroups'][0]['GroupId'], IpProtocol='tcp', FromPort=22,
                                           ToPort=22, CidrIp=t['at-a'] + '/32')
    eventually('the neighbour is let in', lambda: 'SSH-2.0' in ssh(t['at-a'], f"nc -w 2 {t['at-b']} 22 </dev/null | head -n 1"))
    equal(knock(t['at-b']), 'silence', 'the host is not the neighbour')


def test_a_stop_takes_the_address_and_a_start_gives_another():
    k.ec2.reboot_instances(InstanceIds=[t['a']])
    k.console_line(t['a'], 'GUEST-SSH', count=2)
    equal(k.instance(t['a'])['PublicIpAddress'], t['at-a'], 'a reboot keeps it')
    k.ec2.stop_instances(InstanceIds=[t['a']])
    i = k.instance_is(t['a'], 'stopped')
    equal((i.get('PublicIpAddress'), i['PublicDnsName']), (None, ''))
    eventually('the way is gone', lambda: knock(t['at-a']) == 'No route to host')
    k.ec2.start_instances(InstanceIds=[t['a']])
    old, t['at-a'] = t['at-a'], k.instance_is(t['a'], 'running')['PublicIpAddress']
    true(old != t['at-a'], old)
    equal(metadata(t['at-a'], 'public-ipv4'), t['at-a'])
    equal(knock(old), 'No route to host')


def test_an_elastic_address_takes_its_place_at_once():
    """With the AWS CLI."""
    got = k.aws('allocate-address', '--tag-specifications', 'ResourceType=elastic-ip,Tags=[{Key=Name,Value=front}]')
    t['elastic'], t['id'] = got['PublicIp'], got['AllocationId']
    a = k.aws('associate-address', '--allocation-id', t['id'], '--instance-id', t['a'])
    equal(k.instance(t['a'])['PublicIpAddress'], t['elastic'])
    equal(metadata(t['elastic'], 'public-ipv4'), t['elastic'])
    eventually('the old way is gone', lambda: knock(t['at-a']) == 'No route to host')
    described = k.aws('describe-addresses', '--filters', 'Name=tag:Name,Values=front')['Addresses']
    equal([(d['InstanceId'], d['AssociationId'], d['PublicIp']) for d in described], [(t['a'], a['AssociationId'], t['elastic'])])
    p = subprocess.run(['aws', 'ec2', 'release-address', '--allocation-id', t['id'], '--endpoint-url', k.endpoint], env=k.env(),
                       capture_output=True, text=True, timeout=60)
    true(p.returncode != 0 and 'InvalidIPAddress.InUse' in p.stderr, p.stderr)


def test_it_moves_to_the_neighbour_and_survives_the_daemon():
    k.ec2.modify_instance_attribute(InstanceId=t['b'], Groups=[t['open']])
    k.ec2.associate_address(AllocationId=t['id'], InstanceId=t['b'])
    host = k.instance(t['b'])['PrivateDnsName']
    eventually('the neighbour answers', lambda: ssh(t['elastic'], 'hostname') == host)
    t['at-a'] = k.instance(t['a'])['PublicIpAddress']   # one of its own again
    k.kill()
    equal(ssh(t['elastic'], 'hostname'), host, 'without a daemon')
    k.start()
    equal(ssh(t['elastic'], 'hostname'), host, 'with the next one')
    equal((k.instance(t['a'])['PublicIpAddress'], k.instance(t['b'])['PublicIpAddress']), (t['at-a'], t['elastic']))
    true(ssh(t['at-a'], 'hostname') != host, 'each its own')


def test_the_end_leaves_an_elastic_address_and_no_way():
    k.ec2.terminate_instances(InstanceIds=[t['a'], t['b']])
    for w in 'ab':
        k.instance_is(t[w], 'terminated')
    found, = k.ec2.describe_addresses(AllocationIds=[t['id']])['Addresses']
    true('AssociationId' not in found, found)
    k.ec2.release_address(AllocationId=t['id'])
    routes = lambda: [l for l in sh('ip', 'route').splitlines() if l.split()[0] in (t['at-a'], t['elastic'])]
    eventually('no route is left', lambda: not routes())
    k.stop()
    true(t['elastic'].rsplit('.', 1)[0] not in sh('ip', 'route'), 'nor the mark')


run([v for n, v in list(globals().items()) if n.startswith('test_')])
