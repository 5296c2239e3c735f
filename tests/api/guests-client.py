#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients do with networks and guests: Ansible's order of requests, and the AWS CLI that
decrypts a password."""
import base64, os, shutil, subprocess
from apiserver import Server, ok, plan


def ansible_launches_into_the_default_network(server):
    """ec2_instance, in its order, with the fields that it reads."""
    ec2 = server.client()
    vpc, = ec2.describe_vpcs(Filters=[{'Name': 'isDefault', 'Values': ['true']}])['Vpcs']
    subnets = ec2.describe_subnets(Filters=[
        {'Name': 'vpc-id', 'Values': [vpc['VpcId']]}, {'Name': 'state', 'Values': ['available']},
        {'Name': 'default-for-az', 'Values': ['true']}])['Subnets']
    subnet = min(subnets, key=lambda s: s['AvailabilityZone'])
    assert subnet['AvailableIpAddressCount'] == 4091, subnet
    assert ec2.describe_subnets(SubnetIds=[subnet['SubnetId']])['Subnets'] == [subnet]
    groups = ec2.describe_security_groups(
        Filters=[{'Name': 'vpc-id', 'Values': [vpc['VpcId']]}])['SecurityGroups']
    group, = (g['GroupId'] for g in groups if g['GroupName'] == 'default')
    i = ec2.run_instances(
        ImageId=server.image(), MinCount=1, MaxCount=1, InstanceType='t3.micro', ClientToken='t',
        UserData='#!/bin/sh\necho hello\n',
        NetworkInterfaces=[{'DeviceIndex': 0, 'SubnetId': subnet['SubnetId'],
                            'DeleteOnTermination': True, 'Groups': [group]}])
    i = i['Instances'][0]['InstanceId']
    server.tell('running ' + i)
    i = ec2.describe_instances(InstanceIds=[i])['Reservations'][0]['Instances'][0]
    nic, = i['NetworkInterfaces']
    assert i['PrivateIpAddress'] == nic['PrivateIpAddress'] == '172.31.0.10', i
    assert nic['Attachment']['DeviceIndex'] == 0 and nic['Groups'] == i['SecurityGroups'], nic
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=[nic['NetworkInterfaceId']])
    assert found['NetworkInterfaces'][0]['SubnetId'] == subnet['SubnetId']
    got = ec2.describe_instance_attribute(InstanceId=i['InstanceId'], Attribute='userData')
    assert base64.b64decode(got['UserData']['Value']) == b'#!/bin/sh\necho hello\n', got
    got = ec2.describe_instance_attribute(InstanceId=i['InstanceId'], Attribute='groupSet')
    assert [g['GroupId'] for g in got['Groups']] == [group], got
    ok('Ansible\'s launch into the default network is answered as it expects')
    return i['InstanceId']


def packer_opens_a_group_for_a_while(server):
    ec2 = server.client()
    g = ec2.create_security_group(GroupName='packer', Description='Temporary group')['GroupId']
    ec2.get_waiter('security_group_exists').wait(GroupIds=[g])
    ec2.authorize_security_group_ingress(GroupId=g, IpPermissions=[
        {'IpProtocol': 'tcp', 'FromPort': 5985, 'ToPort': 5986,
         'IpRanges': [{'CidrIp': '0.0.0.0/0'}]}])
    seen, = ec2.describe_security_groups(GroupIds=[g])['SecurityGroups']
    assert seen['IpPermissions'] == [
        {'IpProtocol': 'tcp', 'FromPort': 5985, 'ToPort': 5986, 'UserIdGroupPairs': [],
         'IpRanges': [{'CidrIp': '0.0.0.0/0'}], 'Ipv6Ranges': [], 'PrefixListIds': []}], seen
    i = server.instance(SecurityGroupIds=[g])
    try:
        ec2.delete_security_group(GroupId=g)
        raise AssertionError('a group with a member was deleted')
    except ec2.exceptions.ClientError as e:
        assert e.response['Error']['Code'] == 'DependencyViolation', e
    ec2.terminate_instances(InstanceIds=[i])
    server.tell('terminated ' + i)
    ec2.delete_security_group(GroupId=g)
    ok('a group goes when its last member is terminated')


def the_cli_decrypts_the_password(server):
    if not shutil.which('aws') or not shutil.which('openssl'):
        ok('the password is decrypted # SKIP aws or openssl is missing')
        return
    ec2 = server.client()
    pem = ec2.create_key_pair(KeyName='k')['KeyMaterial']
    path = os.path.join(server.home, 'k.pem')
    with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600), encoding='ascii') as f:
        f.write(pem)
    i = server.instance(server.image('Windows'), KeyName='k')
    empty = ec2.get_password_data(InstanceId=i)
    assert empty['PasswordData'] == '', empty
    public = subprocess.run(['openssl', 'pkey', '-in', path, '-pubout'], check=True,
                            stdout=subprocess.PIPE).stdout
    with open(path + '.pub', 'wb') as f:
        f.write(public)
    data = subprocess.run(['openssl', 'pkeyutl', '-encrypt', '-pubin', '-inkey', path + '.pub'],
                          check=True, input=b'S3cret!', stdout=subprocess.PIPE).stdout
    server.tell(f'password {i} {base64.b64encode(data).decode()}')
    env = dict(os.environ, AWS_ACCESS_KEY_ID=server.key, AWS_SECRET_ACCESS_KEY=server.secret,
               AWS_DEFAULT_REGION='us-east-1', HOME=server.home)
    got = subprocess.run(['aws', '--endpoint-url', server.url, 'ec2', 'get-password-data',
                          '--instance-id', i, '--priv-launch-key', path, '--query', 'PasswordData',
                          '--output', 'text'], check=True, env=env, stdout=subprocess.PIPE,
                         text=True).stdout
    assert got.strip() == 'S3cret!', got
    ok('the AWS CLI decrypts what the guest printed')


def main():
    server = Server()
    try:
        ansible_launches_into_the_default_network(server)
        packer_opens_a_group_for_a_while(server)
        the_cli_decrypts_the_password(server)
        plan()
    finally:
        server.end()


main()
