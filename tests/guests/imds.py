#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two small guests beside each other: what each learns of itself, what it reaches, what it prints."""
import base64, textwrap

from guestlib import *

requires('openssl', 'dnsmasq', 'nft')
k = Kiln()
t = {}
SCRIPT = b'#!/bin/sh\necho from-user-data\n'


def test_two_guests_run():
    k.start()
    t['key'] = k.ec2.create_key_pair(KeyName='launch')['KeyMaterial']
    ami, _ = k.import_disk(guest(), name='tiny')
    t['ami'] = ami
    t['a'] = k.run(ami, KeyName='launch', UserData=SCRIPT, MetadataOptions={'HttpTokens': 'required'})
    t['b'] = k.run(ami)
    t['net-a'], t['net-b'] = network(k, t['a']), network(k, t['b'])
    t['line-a'], t['line-b'] = Line(k, t['a']), Line(k, t['b'])
    for w in 'ab':
        k.console_line(t[w], f"GUEST-DHCP {t['net-' + w]['PrivateIpAddress']}/")
        k.console_line(t[w], f'GUEST-IMDS {t[w]} ')
    k.console_line(t['a'], 'from-user-data')


def test_tokens_are_required_where_the_launch_says_so():
    a, b = t['line-a'], t['line-b']
    equal(a.http('/latest/meta-data/instance-id')[0], 401, 'v1 where v2 is required')
    equal(b.http('/latest/meta-data/instance-id'), (200, t['b']), 'v1 where it is optional')
    equal(a.http('/latest/meta-data/instance-id', f'{TOKEN}: nonsense')[0], 401, 'no token of ours')
    for ttl, want in ((0, 400), (21601, 400), (1, 200), (21600, 200)):
        equal(a.http('/latest/api/token', f'{TTL}: {ttl}', method='PUT')[0], want, f'TTL {ttl}')
    equal(a.http('/latest/api/token', method='PUT')[0], 400, 'no TTL')
    equal(a.http('/latest/api/token', f'{TTL}: 60', 'X-Forwarded-For: 10.0.0.1', method='PUT')[0], 403, 'through a proxy')
    t['token'] = a.token()
    equal(b.http('/latest/meta-data/instance-id', f"{TOKEN}: {t['token']}")[0], 401, "a neighbour's token")


def test_each_guest_reads_its_own_metadata():
    for w in 'ab':
        line, net = t['line-' + w], t['net-' + w]
        i, token = k.instance(t[w]), line.token()
        for path, want in (('instance-id', t[w]), ('local-ipv4', net['PrivateIpAddress']), ('mac', net['MacAddress']),
                           ('local-hostname', i['PrivateDnsName']), ('ami-id', t['ami']), ('instance-type', 't3.nano'),
                           (f"network/interfaces/macs/{net['MacAddress']}/vpc-id", net['VpcId'])):
            equal(line.get(f'/latest/meta-data/{path}', token), want, path)
        document = json.loads(line.get('/latest/dynamic/instance-identity/document', token))
        equal((document['instanceId'], document['privateIp']), (t[w], net['PrivateIpAddress']))
    a, token = t['line-a'], t['line-a'].token()
    equal(a.get('/latest/user-data', token), SCRIPT.decode().rstrip('\n'))
    k.ec2.delete_key_pair(KeyName='launch')      # what an instance was launched with stays its own
    true(a.get('/latest/meta-data/public-keys/0/openssh-key', token).startswith('ssh-rsa '), 'the launch key')
    equal(t['line-b'].http('/latest/user-data')[0], 404, 'no user data')
    equal(t['line-b'].http('/latest/meta-data/public-keys/')[0], 404, 'no key')


def test_a_guest_does_not_reach_the_daemon():
    """The API listens on the host; no address of the host, seen from the guest, answers there."""
    port = k.endpoint.rsplit(':', 1)[1]
    gateway = t['line-a'].run("ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p'").strip()
    true(gateway, 'the guest has a way out')
    true(t['line-a'].opens(IMDS, 80), 'an open port is seen as one')
    host = set(re.findall(r'inet ([0-9.]+)', sh('ip', '-4', 'addr'))) - {'127.0.0.1'}
    # The daemon of this test listens on 127.0.0.1; a second door shows that it is not the address alone.
    with socket.create_server(('', 0)) as door:
        for address in sorted(host) + [gateway, IMDS]:
            for p in (port, door.getsockname()[1]):
                true(not t['line-a'].opens(address, p, 2), f'{address}:{p} is closed to guests')


def test_a_port_opens_when_its_group_says_so():
    a, b, net = t['line-a'], t['line-b'], t['net-b']
    group = k.ec2.create_security_group(GroupName='web', Description='web', VpcId=net['VpcId'])['GroupId']
    i = k.run(t['ami'], SecurityGroupIds=[group])
    c, address = Line(k, i), network(k, i)['PrivateIpAddress']
    k.console_line(i, 'GUEST-IMDS')
    c.run('mkdir -p /tmp/www && echo hello-from-c >/tmp/www/index.html && httpd -p 80 -h /tmp/www && httpd -p 81 -h /tmp/www')
    true(c.opens('127.0.0.1', 80), 'its server runs')
    true(not a.opens(address, 80), 'closed at first')
    k.ec2.authorize_security_group_ingress(GroupId=group, IpProtocol='tcp', FromPort=80, ToPort=80,
                                           CidrIp=t['net-a']['PrivateIpAddress'] + '/32')
    eventually('port 80 opens', lambda: a.opens(address, 80), 30)
    equal(a.run(f'wget -q -O - http://{address}/').strip(), 'hello-from-c')
    true(not a.opens(address, 81), 'port 81 stays closed')
    true(not b.opens(address, 80), 'closed to another address')
    k.ec2.revoke_security_group_ingress(GroupId=group, IpProtocol='tcp', FromPort=80, ToPort=80,
                                        CidrIp=t['net-a']['PrivateIpAddress'] + '/32')
    eventually('port 80 closes', lambda: not a.opens(address, 80, 2), 30)
    k.ec2.terminate_instances(InstanceIds=[i])
    k.instance_is(i, 'terminated')
    k.ec2.delete_security_group(GroupId=group)


def test_a_forged_address_gets_nothing():
    """A takes B's address beside its own: neither B's metadata nor B's neighbours answer it."""
    a, forged = t['line-a'], t['net-b']['PrivateIpAddress']
    a.run(f'ip addr add {forged}/32 dev eth0; ip route add {IMDS}/32 dev eth0 src {forged} 2>/dev/null || '
          f'ip route change {IMDS}/32 dev eth0 src {forged}')
    equal(a.http('/latest/meta-data/instance-id', timeout=5)[0], None, 'no answer to a forged address')
    a.run(f'ip route del {IMDS}/32; ip addr del {forged}/32 dev eth0; ip route add {IMDS}/32 dev eth0')
    equal(a.get('/latest/meta-data/instance-id', a.token()), t['a'])
    equal(t['line-b'].get('/latest/meta-data/instance-id'), t['b'])


def test_a_password_that_a_guest_prints_is_decrypted_with_the_launch_key():
    key = f'{k.home}/launch.pem'
    with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), 'w') as f:
        f.write(t['key'])
    secret = subprocess.run(['openssl', 'pkeyutl', '-encrypt', '-inkey', key], input=b'Pass.w0rd!', capture_output=True, check=True).stdout
    equal(k.aws('get-password-data', '--instance-id', t['a'])['PasswordData'], '', 'nothing yet')
    lines = textwrap.wrap(base64.b64encode(secret).decode(), 76)
    said = r'\n'.join(['<Pass\'\'word>', *lines, '</Pass\'\'word>'])
    t['line-a'].run(f"printf '{said}\\n' >/tmp/said")
    # Somebody holds the line and does not read, and much was printed: the block is whole all the same.
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(t['line-a'].path)
        t['line-a'].run('seq 30000; cat /tmp/said; seq 1000')
        eventually('the password', lambda: k.ec2.get_password_data(InstanceId=t['a'])['PasswordData'].strip(), 30)
    equal(k.aws('get-password-data', '--instance-id', t['a'], '--priv-launch-key', key)['PasswordData'], 'Pass.w0rd!')
    numbers = re.findall(r'^\d+$', console(t['a']), re.M)
    true(list(map(str, range(1, 30001))) == numbers[:30000], 'every line is in the log once')


def test_the_line_of_an_agent_is_shown():
    t['line-a'].run("echo '2026/01/02 03:04:05Z: Mess''age: Windows is Ready to use'")
    eventually('kiln show tells it', lambda: 'Windows is Ready to use' in str(k.show(t['a'])), 30)
    true('Windows is Ready to use' in k.cli('ls'), 'kiln ls tells it')
    true(not k.show(t['b']).get('guest'), 'the other guest said nothing')


def test_the_console_is_shown_as_text_and_as_a_picture():
    text = k.ec2.get_console_output(InstanceId=t['b'], Latest=True)['Output']
    true(f"GUEST-IMDS {t['b']}" in text, f'console output: {text[-200:]!r}')
    picture = base64.b64decode(k.ec2.get_console_screenshot(InstanceId=t['b'])['ImageData'])
    true(picture.startswith(b'\xff\xd8\xff') and picture.endswith(b'\xff\xd9'), 'a JPEG file')
    head = picture.index(b'\xff\xc0')        # start of frame: height and width
    height, width = (int.from_bytes(picture[head + n:head + n + 2], 'big') for n in (5, 7))
    true(width >= 640 and height >= 400 and len(picture) > 5000, f'{width} x {height}, {len(picture)} bytes: not an empty one')


def console(i):
    return open(f'{k.home}/instances/{i}/console.log', errors='replace').read().replace('\r', '')


def serial_pid(i):
    return int(open(f'{k.home}/instances/{i}/serial.pid').read().split()[0])


def test_the_serial_line_goes_on_without_the_daemon():
    k.kill()
    equal(t['line-a'].run('echo "2026/01/02 03:04:06Z: Mess""age: said while away"').strip().split('age: ')[1], 'said while away')
    k.start()
    eventually('the daemon reads it later', lambda: 'said while away' in console(t['a']), 10)
    equal(t['line-a'].run('echo still-there').strip(), 'still-there')


def test_a_relay_that_dies_is_replaced():
    before = serial_pid(t['b'])
    kill_proc(before)
    eventually('another one', lambda: serial_pid(t['b']) != before, 30)
    t['line-b'].take()
    equal(t['line-b'].run('echo back-again').strip(), 'back-again')
    true('back-again' in k.console_line(t['b'], 'back-again'), 'it is in the log')
    k.kill()
    kill_proc(serial_pid(t['b']))
    k.start()
    t['line-b'].take()
    equal(t['line-b'].run('echo once-more').strip(), 'once-more')
    for w in 'ab':
        line = t['line-' + w]
        equal(line.get('/latest/meta-data/instance-id', line.token()), t[w])


def test_options_of_a_running_instance_change_at_once():
    k.ec2.modify_instance_metadata_options(InstanceId=t['b'], HttpTokens='required')
    eventually('v1 is refused', lambda: t['line-b'].http('/latest/meta-data/instance-id')[0] == 401, 20)
    k.ec2.modify_instance_metadata_options(InstanceId=t['b'], HttpEndpoint='disabled')
    eventually('nothing is told', lambda: t['line-b'].http('/latest/api/token', f'{TTL}: 60', method='PUT')[0] == 403, 20)


def test_the_end_leaves_nothing():
    vpc = t['net-a']['VpcId']
    namespace(k, vpc)
    k.stop()
    equal(procs_with(k.home), {})
    equal([n for n in os.listdir('/run/netns') if n.endswith(vpc.removeprefix('vpc-'))], [])


run([v for n, v in list(globals().items()) if n.startswith('test_')])
