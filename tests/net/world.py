#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way out, what the host serves, link-local neighbours, sockets in the namespace. The world is a namespace
behind a link of the host's."""
import sys

from netlib import *

w = World()
WORLD, HOST, PORT = w.address, w.host, 18773
world, procs, in_world = w.run, w.procs, w.serve
n = Net('nat', 'ntp=' + WORLD, 'kms=' + WORLD, 'dns=' + WORLD)
A = B = None


def test_a_guest_reaches_the_world_by_the_address_of_the_host():
    global A, B
    n.vpc()
    n.do('group', SG, VPC, ALL_OUT)
    n.do('group', SG2, VPC)
    A, B = n.guest(1, SG), n.guest(2, SG2)
    in_world(80, word='world')
    check(A.ask(WORLD, 80) == f'world sees {HOST}', A.ask(WORLD, 80))
    check(A.ping(WORLD), 'a ping')
    check(B.ask(WORLD, 80) == 'silence', 'without a rule for it')


def test_the_world_does_not_reach_a_guest():
    n.do('group', SG, VPC, ALL_OUT, 'in,-1,0,0,0.0.0.0/0')
    n.settle()
    A.serve(22)
    world('ip', 'route', 'add', '172.31.0.0/16', 'via', HOST)
    link_host = next(l.split()[3].split('/')[0] for l in sh('ip', '-4', '-o', 'addr').splitlines() if ' k' + n.tag in l and '169.254' in l)
    link_guest = link_host.rsplit('.', 1)[0] + '.' + str(int(link_host.rsplit('.', 1)[1]) + 1)
    world('ip', 'route', 'add', link_guest, 'via', HOST)
    sh('ip', 'route', 'add', '172.31.0.0/16', 'via', link_guest)
    try:
        for to in (A.address, link_guest):
            got = w.ask(to, 22, timeout=0.5)
            check(got in ('silence', 'No route to host'), f'{to}: {got}')
        got = host_asks(A.address, 22, timeout=0.5)
        check(got == 'silence', f'from the host: {got}')
    finally:
        sh('ip', 'route', 'del', '172.31.0.0/16')


def test_what_the_host_serves_is_out_of_reach():
    w.serve(PORT, word='api', where=[])
    check(host_asks(HOST, PORT).startswith('api sees'), 'the host itself')
    links = [l.split() for l in sh('ip', '-4', '-o', 'addr').splitlines()]
    addresses = [l[3].split('/')[0] for l in links if l[1][0] != 'k' or n.tag in l[1] or l[1] == w.link]
    check(len(addresses) >= 3, addresses)
    for a in addresses:
        got = A.ask(a, PORT, timeout=0.4)
        check(got in ('silence', 'refused') and not (a != '127.0.0.1' and A.ping(a)), f'{a}: {got}')


def test_names_are_asked_by_dnsmasq():
    check('ip-172-31-0-11.ec2.internal' in A.run('busybox', 'nslookup', '172.31.0.11', '172.31.0.2', ok=False).stdout, 'PTR')
    for server in ('172.31.0.2', '169.254.169.253'):
        out = A.run('busybox', 'nslookup', 'ip-172-31-0-12.ec2.internal', server, ok=False).stdout
        check('172.31.0.12' in out.split('Name:')[-1], out)
    dns = ('import socket,sys;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.bind(("",53));print("ready",flush=True)\n'
           'while True:\n d,p=s.recvfrom(999);e=d.index(b"\\0",12)+5\n'
           ' s.sendto(d[:2]+b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0"+d[12:e]+bytes.fromhex("c00c00010001000000050004c6336449"),p)')
    p = subprocess.Popen(['ip', 'netns', 'exec', w.ns, sys.executable, '-c', dns], stdout=subprocess.PIPE, env=ENV)
    procs.append(p)
    p.stdout.readline()
    out = A.run('busybox', 'nslookup', '-type=a', 'www.example.com', '172.31.0.2', ok=False).stdout
    check('198.51.100.73' in out, out)


def test_time_and_licences_come_from_the_configured_hosts():
    in_world(123, 'udp', word='ntp')
    in_world(1688, word='kms')
    for g in (A, B):  # no rule is asked
        check(g.ask('169.254.169.123', 123, 'udp') == f'ntp sees {HOST}', 'NTP')
        check(g.ask('169.254.169.250', 1688) == g.ask('169.254.169.251', 1688) == f'kms sees {HOST}', 'KMS')
        check(g.ask('169.254.169.250', 80) == 'refused' and g.ask('169.254.169.123', 80, 'udp') == 'refused', 'other ports')


def test_metadata_is_told_who_asks():
    n.do('listen', VPC, '169.254.169.254', 80)
    check(A.ask('169.254.169.254', 80) == f'you are {A.address}' and B.ask('169.254.169.254', 80) == f'you are {B.address}', 'who')
    check(n.do('at', VPC, A.address) == A.eni and n.do('at', VPC, '172.31.0.77') == 'nobody', 'whose')
    A.run('ip', 'route', 'add', '169.254.0.0/16', 'dev', 'eth0')
    check(A.ask('169.254.169.254', 80) == f'you are {A.address}', 'by ARP')
    check(A.ask('169.254.169.254', 81) == 'refused' and A.ask('169.254.169.250', 80) == 'refused', 'nothing else')
    check(n.try_('listen', VPC, '169.254.169.254', 80).startswith('no other'), 'twice')
    check(n.try_('listen', VPC2, '169.254.169.254', 80).startswith('no not-found'), 'an unknown VPC')


def tracked(guest):
    return sum(f'src={guest.address} ' in l for l in n.inside('cat', '/proc/net/nf_conntrack').splitlines())


def test_a_guest_that_asks_without_end_fills_no_table():
    n.do('group', SG, VPC, ALL_OUT)
    n.settle()
    before = tracked(A)
    for _ in range(3):
        check(A.ask('169.254.169.254', 80) == f'you are {A.address}', 'metadata')
        A.run('busybox', 'nslookup', 'ip-172-31-0-12.ec2.internal', '169.254.169.253', ok=False)
    check(tracked(A) == before, 'metadata and DNS are not tracked')
    flood = ('import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n'
             f'for p in range(2000,14000): s.sendto(b"x",("{WORLD}",p))')  # the tap's queue is short: some are lost
    eventually('the limit', lambda: A.py(flood) == '' and tracked(A) >= 8000)
    for _ in range(3):
        A.py(flood)
    got = tracked(A)
    check(8000 <= got <= 8192 + before, f'{got} connections')
    check(A.ask(WORLD, 80) == 'silence', 'one more')
    check(B.ask('169.254.169.123', 123, 'udp') == f'ntp sees {HOST}', 'the neighbour has its own')


def test_the_owner_comes_in_without_a_rule():
    n.do('group', SG, VPC)
    n.settle()
    check(n.do('connect', VPC, A.address, 22) == f'{A.address} sees 172.31.0.1', 'an open port')
    check(n.do('connect', VPC, A.address, 24) == 'Connection refused', 'nobody listens')
    check(n.try_('connect', VPC, '172.31.0.77', 22).startswith('no not-found'), 'nobody has the address')


def test_without_root_it_says_what_is_missing():
    p = sh('setpriv', '--bounding-set=-all', '--inh-caps=-all', DRIVE, n.home, ok=False)
    check(p.returncode == 77 and 'root' in p.stdout and "'--network user'" in p.stdout, p.stdout)
    tools = tempfile.mkdtemp(prefix='kiln-net.')
    p = sh('unshare', '-m', 'sh', '-c', 'mount --bind "$0" /usr/sbin; exec "$1" "$2"', tools, DRIVE, n.home, ok=False)
    os.rmdir(tools)
    check(p.returncode == 77 and 'Debian: ' in p.stdout and "'--network user'" in p.stdout, p.stdout)


def test_without_a_way_out_nothing_gets_out():
    n.die()
    n.options = ()
    n.start()
    n.vpc()
    n.do('group', SG, VPC, ALL_OUT)
    n.do('group', SG2, VPC)
    for g, s in ((A, SG), (B, SG2)):
        n.do('port', g.eni, VPC, g.mac, g.address, s)
    n.do('sweep')
    check(A.ask(WORLD, 80) in ('silence', 'Network is unreachable', 'No route to host', 'refused'), 'the world')
    check(A.ask('169.254.169.123', 123, 'udp') == 'refused' and A.ask('169.254.169.250', 1688) == 'refused', 'NTP and KMS')
    begin = time.monotonic()
    A.run('busybox', 'nslookup', 'www.example.com', '172.31.0.2', ok=False)
    check(time.monotonic() - begin < 2, 'names are refused at once')
    check(A.lease().get('ip') == A.address, 'a lease')


if __name__ == '__main__':
    run(sys.modules[__name__])
