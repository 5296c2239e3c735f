#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each agent from fresh files to its ready line against a real daemon: its metadata is what kilnd tells an instance,
its COM1 is the serial line of that instance's guest, and the password is what the AWS CLI opens with the launch key.
The agent runs in Wine beside the guest; the guest only copies what comes on its line. S-numbers are those of
docs/agents/conformance.md."""
import sys
sys.path.insert(0, __file__.rpartition('/')[0])
sys.path.insert(0, __file__.rpartition('/')[0] + '/../lib')
from agentlib import *
import kilntest, socket

need('v2/EC2Launch-stand-in.exe', 'v1/Ec2Launch-v1-stand-in.exe', 'ec2config/Ec2Config-stand-in.exe')
k = kilntest.Kiln('--network', 'user')
t = {}


class Bridge:
    """The metadata service of one instance at an address that Wine can reach; each connection has Kiln's own relay,
    as QEMU gives each of a guest's."""

    def __init__(self, path):
        self.path, self.relays = path, []
        self.door = socket.create_server(('127.0.0.1', 0))
        self.url = f'http://127.0.0.1:{self.door.getsockname()[1]}'
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                c, _ = self.door.accept()
            except OSError:
                return
            with c:
                self.relays.append(subprocess.Popen([kilntest.BUILD / 'kiln-imds-relay', self.path], stdin=c, stdout=c))

    def shutdown(self):
        self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        self.thread.join()
        for r in self.relays:
            r.wait(30)


class Instance:
    """A Windows instance whose guest says on its serial line what it reads there."""

    def __init__(self):
        self.id = k.run(t['ami'], KeyName='launch')
        k.console_line(self.id, 'GUEST-READY')  # its last word: it has no driver for the card of a Windows instance
        self.line = socket.socket(socket.AF_UNIX)
        self.line.connect(f'{k.home}/instances/{self.id}/serial.sock')
        self.line.sendall(b"stty raw -echo; echo COPY''ING; exec cat\n")
        k.console_line(self.id, 'COPYING')

    def machine(self):
        m = Machine(imds=Bridge(f'{k.home}/instances/{self.id}/imds.sock'))
        m.tee = self.line.sendall
        return m

    def check(self, m, agent):
        """What the world sees of a first boot."""
        equal(k.aws('get-password-data', '--instance-id', self.id).get('kilnReason'), None, 'nothing is missing')
        clear = kilntest.eventually('the password', lambda: k.aws('get-password-data', '--instance-id', self.id, '--priv-launch-key',
                                                         t['key'])['PasswordData'])
        equal(m.value(ADMIN, 'Password'), ('REG_SZ', clear), 'it is the one that was set')
        equal(len(clear), 32, 'its length')
        console = k.ec2.get_console_output(InstanceId=self.id, Latest=True)['Output']
        net = k.instance(self.id)
        for line in (f'Instance-ID: {self.id}\r\n', f"AMI-ID: {net['ImageId']}\r\n", agent, READY + '\r\n'):
            true(line in console, f'{line!r} in the console output:\n{console}')
        kilntest.eventually('kiln show tells it', lambda: 'Windows is Ready to use' in str(k.show(self.id)))
        k.ec2.terminate_instances(InstanceIds=[self.id])
        m.tee = None
        self.line.close()


def test_a_daemon_an_image_and_a_launch_key():
    k.start()
    t['ami'], _ = k.import_disk(kilntest.guest(), name='windows', platform='Windows')
    t['key'] = f'{k.home}/launch.pem'
    with open(os.open(t['key'], os.O_CREAT | os.O_WRONLY, 0o600), 'w') as f:
        f.write(k.aws('create-key-pair', '--key-name', 'launch')['KeyMaterial'])


def test_version_two_and_get_password_data():  # S-57, S-60
    i = Instance()
    equal(k.aws('get-password-data', '--instance-id', i.id)['PasswordData'], '', 'no password yet')
    with i.machine() as m:
        install_v2(m)
        m.ok(V2, 'internal', 'install')
        m.ok(V2, 'run')
        i.check(m, 'Launch: EC2 Launch v')


def test_version_one_and_get_password_data():  # S-68, S-78, S-89
    i = Instance()
    with i.machine() as m:
        install_v1(m)
        m.ok(V1, 'initialize-instance')
        i.check(m, 'Launch: EC2 Launch v')


def test_ec2config_and_get_password_data():  # S-113, S-150, S-153, S-162
    i = Instance()
    with i.machine() as m:
        install_ec2config(m)
        boot_ec2config(m)
        i.check(m, 'EC2 Agent: Ec2Config service v')


kilntest.run([f for n, f in list(globals().items()) if n.startswith('test_')])
