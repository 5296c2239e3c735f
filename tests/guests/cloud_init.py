#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian with its packaged cloud-init and sshd: an instance of Kiln is one of EC2 to it. Two boots: an instance,
and one of the image that is made of it."""
from guestlib import *

requires('mmdebstrap', 'fakeroot', 'grub-mkimage', 'ssh', 'dnsmasq', 'nft')
k = Kiln()
t = {}
BOOT = 900      # without KVM, on a machine that does other things too; 30 s when it is idle

CONFIG = '''#cloud-config
hostname: alpha-host
write_files:
  - {path: /etc/made-by, content: alpha}
runcmd:
  - [sh, -c, "echo ALPHA-RUNCMD-$(id -un) >/dev/console"]
'''
SCRIPT = '''#!/bin/sh
echo GAMMA-SCRIPT-$(id -un) >/dev/console
'''


def launch(ami, user_data, marker, **kw):
    """A first boot to its end; SMBIOS and tokens are all that cloud-init gets to know us by."""
    i = k.run(ami, type='t3.micro', UserData=user_data, MetadataOptions={'HttpTokens': 'required'}, **kw)
    k.console_line(i, marker, seconds=BOOT)
    log = k.console_line(i, 'finished at', seconds=BOOT)
    true('Datasource DataSourceEc2Local' in log, 'cloud-init read the metadata before the network was up')
    return i


def look(i, key, user_data):
    """What its owner sees who logs in through kiln connect."""
    ssh = Ssh(k, i, key)
    seen = ssh.run('''hostname; cloud-init query instance_id; cloud-init query local_hostname; ip -4 -o addr
        sudo grep -c api/token /var/log/cloud-init.log; cat /etc/ssh/ssh_host_ed25519_key.pub; cat /etc/machine-id''')
    name, iid, local, *addresses, tokens, host_key, machine = seen.splitlines()
    rec = k.instance(i)
    equal((iid, local), (i, rec['PrivateDnsName'].split('.')[0]), 'what cloud-init knows of itself')
    true(any(f" {rec['PrivateIpAddress']}/" in a for a in addresses), f"the guest has {rec['PrivateIpAddress']}: {seen}")
    true(int(tokens) > 0, 'it asked for a token')
    equal(ssh.run('sudo cat /var/lib/cloud/instance/user-data.txt'), user_data, 'user data')
    return {'name': name, 'host key': host_key.split()[1], 'machine': machine, 'address': rec['PrivateIpAddress'], 'ssh': ssh}


def pair(name, kind):
    return k.ec2.create_key_pair(KeyName=name, KeyType=kind)['KeyMaterial']


def test_an_instance_of_debian_runs_its_cloud_config():
    k.start()
    t['ami'], _ = k.import_disk(debian(), name='debian')
    t['key'] = pair('first', 'rsa')
    t['i'] = launch(t['ami'], CONFIG, 'ALPHA-RUNCMD-root', KeyName='first')


def test_its_owner_logs_in_with_the_launch_key_through_kiln_connect():
    t['alpha'] = look(t['i'], t['key'], CONFIG)
    equal(t['alpha']['name'], 'alpha-host', 'the host name that user data wants')
    equal(t['alpha']['ssh'].run('cat /etc/made-by').strip(), 'alpha')


def test_the_daemon_tells_that_the_guest_is_ready():
    true('finished at' in k.show(t['i']).get('guest', ''), k.show(t['i']))


def test_an_image_is_made_of_it():
    k.ec2.stop_instances(InstanceIds=[t['i']])
    k.instance_is(t['i'], 'stopped', 300)
    t['image'] = k.ec2.create_image(InstanceId=t['i'], Name='golden')['ImageId']
    k.image_available(t['image'], 300)


def test_an_instance_of_the_image_is_a_new_one_with_its_own_values():
    key = pair('second', 'ed25519')
    i = launch(t['image'], SCRIPT, 'GAMMA-SCRIPT-root', KeyName='second')
    gamma, alpha = look(i, key, SCRIPT), t['alpha']
    equal(gamma['name'], k.instance(i)['PrivateDnsName'].split('.')[0], 'the host name that EC2 gives')
    equal(gamma['ssh'].run('cat /etc/made-by').strip(), 'alpha', 'what was customised')
    for what in ('name', 'host key', 'address'):
        true(gamma[what] != alpha[what], f'{what} of its own: {gamma[what]}')
    keys = gamma['ssh'].run('cat .ssh/authorized_keys').splitlines()
    true(any(l.startswith('ssh-ed25519') for l in keys), f'its own launch key: {keys}')
    true('ALPHA-RUNCMD' not in k.console_line(i, 'finished at'), "its maker's user data does not run again")


def test_the_end_leaves_nothing():
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
