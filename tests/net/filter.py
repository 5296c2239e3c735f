#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups and forged addresses, with real packets."""
import sys

from netlib import *

n = Net('nat')
A = B = C = None


def test_nothing_comes_in_that_no_rule_admits():
    global A, B, C
    n.vpc()
    n.do('group', SG, VPC, ALL_OUT)
    n.do('group', SG2, VPC, ALL_OUT)
    A, B, C = n.guest(1, SG), n.guest(2, SG2), n.guest(3, SG, address='172.31.16.9')
    A.serve(22), A.serve(23), A.serve(53, 'udp'), B.serve(22)
    check(B.ask(A.address, 22) == 'silence', 'a closed port')
    check(not B.ping(A.address), 'a ping')
    check(n.inside('cat', '/proc/sys/net/ipv4/neigh/br0/proxy_delay') == '0\n', 'the router answers for neighbours at once')


def test_a_rule_opens_one_port():
    n.do('group', SG, VPC, ALL_OUT, 'in,6,22,22,0.0.0.0/0')
    n.settle()
    check(B.ask(A.address, 22) == f'{A.address} sees {B.address}', 'the open port')
    check(B.ask(A.address, 23) == 'silence', 'its neighbour')
    check(C.ask(A.address, 22) == f'{A.address} sees {C.address}', 'from another subnet')
    check(A.ask(B.address, 22) == 'silence', 'the other group')


def test_ranges_of_ports_and_addresses():
    n.do('group', SG, VPC, ALL_OUT, f'in,6,20,30,{B.address}/32', 'in,17,53,53,172.31.16.0/20')
    n.settle()
    check(B.ask(A.address, 23) == f'{A.address} sees {B.address}', 'in the range')
    check(B.ask(A.address, 53, 'udp') == 'silence', 'UDP from another range')
    check(C.ask(A.address, 53, 'udp') == f'{A.address} sees {C.address}', 'UDP')
    check(C.ask(A.address, 22) == 'silence', 'TCP from another range')


def test_icmp_by_type():
    n.do('group', SG, VPC, ALL_OUT, 'in,1,8,-1,0.0.0.0/0')
    n.settle()
    check(B.ping(A.address), 'echo request')
    n.do('group', SG, VPC, ALL_OUT, 'in,1,13,-1,0.0.0.0/0')
    n.settle()
    check(not B.ping(A.address), 'another type')
    n.do('group', SG, VPC, ALL_OUT, 'in,1,-1,-1,0.0.0.0/0')
    n.settle()
    check(B.ping(A.address), 'all of ICMP')


def test_a_group_as_source():
    n.do('group', SG, VPC, ALL_OUT, f'in,-1,0,0,{SG2}')
    n.settle()
    check(B.ask(A.address, 22) == f'{A.address} sees {B.address}' and B.ping(A.address), 'a member')
    check(C.ask(A.address, 22) == 'silence', 'no member')
    n.do('port', C.eni, VPC, C.mac, C.address, SG, SG2)
    n.settle()
    check(C.ask(A.address, 22) == f'{A.address} sees {C.address}', 'a member of both')
    n.do('port', C.eni, VPC, C.mac, C.address, SG)
    n.settle()
    check(C.ask(A.address, 22) == 'silence', 'a member no more')


def test_a_group_that_does_not_exist_yet_admits_nothing():
    n.do('group', SG, VPC, ALL_OUT, f'in,6,22,22,{SG3}', f'in,6,23,23,{SG3}')
    n.settle()
    check(B.ask(A.address, 22) == 'silence', 'the unknown group')
    n.do('port', B.eni, VPC, B.mac, B.address, SG2, SG3)
    n.settle()
    check(B.ask(A.address, 22) == f'{A.address} sees {B.address}', 'its member all the same')
    n.do('port', B.eni, VPC, B.mac, B.address, SG2)


def test_what_goes_out_needs_a_rule_too():
    n.do('group', SG, VPC, ALL_OUT, 'in,6,22,23,0.0.0.0/0')
    n.do('group', SG2, VPC, 'out,6,22,22,0.0.0.0/0')
    n.settle()
    check(B.ask(A.address, 22) == f'{A.address} sees {B.address}', 'allowed out and in')
    check(B.ask(A.address, 23) == 'silence', 'allowed in, not out')
    n.do('group', SG2, VPC, f'out,6,22,23,{SG}')
    n.settle()
    check(B.ask(A.address, 23) == f'{A.address} sees {B.address}', 'allowed out to a group')
    n.do('group', SG2, VPC, ALL_OUT)
    n.settle()


def test_an_ipv6_range_is_taken_and_opens_nothing():
    n.do('group', SG, VPC, ALL_OUT, 'in,6,22,22,fd00')  if False else None
    check(n.try_('group', SG, VPC, 'in,6,22,22,10.0.0.0/33').startswith('no invalid'), 'a bad range')
    check(n.try_('group', SG, VPC, 'in,6,22,22,10.0.0.0/8;flush').startswith('no invalid'), 'a bad range')
    check(n.try_('group', SG, VPC, 'in,6,30,20,10.0.0.0/8').startswith('no invalid'), 'a bad range of ports')


def test_an_open_connection_stays_when_the_rule_goes_and_no_new_one_comes():
    n.do('group', SG, VPC, ALL_OUT, 'in,6,0,65535,0.0.0.0/0')
    n.settle()
    code = ('import socket,sys;s=socket.socket();s.bind(("",2222));s.listen(1);print("ready",flush=True);'
            'c,_=s.accept();print(c.recv(9),flush=True)')
    srv = subprocess.Popen(['ip', 'netns', 'exec', A.ns, sys.executable, '-c', code], stdout=subprocess.PIPE, env=ENV)
    srv.stdout.readline()
    code = (f'import socket,sys;s=socket.create_connection(("{A.address}",2222));print("in",flush=True);'
            'sys.stdin.readline();s.send(b"x")')
    cl = subprocess.Popen(['ip', 'netns', 'exec', B.ns, sys.executable, '-c', code], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, env=ENV)
    cl.stdout.readline()
    n.do('group', SG, VPC, ALL_OUT)
    n.settle()
    cl.communicate(b'go\n', timeout=10)
    check(srv.communicate(timeout=10)[0] == b"b'x'\n", 'what was open')
    check(B.ask(A.address, 22) == 'silence', 'what is new')


# ---- forged addresses ----

def allow_all():
    n.do('group', SG, VPC, ALL_OUT, 'in,-1,0,0,0.0.0.0/0')
    n.do('group', SG2, VPC, ALL_OUT, 'in,-1,0,0,0.0.0.0/0')
    n.settle()


def test_a_forged_ip_address_gets_nothing():
    allow_all()
    check(B.ask(A.address, 22) == f'{A.address} sees {B.address}', 'honest')
    B.run('ip', 'addr', 'add', C.address + '/32', 'dev', 'eth0')
    B.run('ip', 'addr', 'add', '172.31.0.99/32', 'dev', 'eth0')
    check(B.ask(A.address, 22, source=C.address) == 'silence', "the neighbour's address")
    check(B.ask(A.address, 22, source='172.31.0.99') == 'silence', "nobody's address")
    check(C.ask(A.address, 22) == f'{A.address} sees {C.address}', 'the neighbour is undisturbed')
    router = '0e6b696c6e01'
    for mac, source, arrives in ((B.mac, B.address, True), (B.mac, C.address, False), (B.mac, '172.31.0.99', False),
                                 (B.mac, '8.8.8.8', False), (B.mac, '172.31.0.1', False), (B.mac, '169.254.169.254', False),
                                 (C.mac, B.address, False), (C.mac, C.address, False)):
        got = frames_heard(A, lambda: B.py(FRAME, 'eth0', router + hexmac(mac) + '0800' + ip_packet(source, A.address)))
        check(any(hexip(source) + hexip(A.address) in f for f in got) == arrives, f'{mac} {source}: {got}')
    B.run('ip', 'addr', 'del', C.address + '/32', 'dev', 'eth0')
    B.run('ip', 'addr', 'del', '172.31.0.99/32', 'dev', 'eth0')


def test_a_forged_mac_address_gets_nothing():
    B.run('ip', 'link', 'set', 'eth0', 'address', C.mac)
    check(not B.ping('172.31.0.1') and B.ask(A.address, 22) in ('silence', 'No route to host'), "the neighbour's MAC")
    check(C.ask(A.address, 22) == f'{A.address} sees {C.address}', 'the neighbour is undisturbed')
    B.run('ip', 'link', 'set', 'eth0', 'address', B.mac)
    eventually('B is back', lambda: B.ask(A.address, 22) == f'{A.address} sees {B.address}')


def test_arp_for_another_is_not_heard():
    # B claims A's address, to everybody and to the router
    B.py(FRAME, 'eth0', 'ffffffffffff' + hexmac(B.mac) + '0806' + '0001080006040002' + hexmac(B.mac) +
         hexip(A.address) + 'ffffffffffff' + hexip(A.address))
    B.py(FRAME, 'eth0', '0e6b696c6e01' + hexmac(B.mac) + '0806' + '0001080006040001' + hexmac(B.mac) +
         hexip(A.address) + '000000000000' + hexip('172.31.0.1'))
    neigh = n.inside('ip', 'neigh', 'show', A.address)
    check(A.mac in neigh and B.mac not in neigh, neigh)
    check(C.ask(A.address, 22) == f'{A.address} sees {C.address}', 'A is still reached')


def test_nobody_hears_what_is_not_for_him():
    got = frames_heard(B, lambda: [A.py(FRAME, 'eth0', d + hexmac(A.mac) + t + p) for d, t, p in (
        (hexmac(B.mac), '0800', ip_packet(A.address, B.address)),       # straight to the neighbour
        ('ffffffffffff', '0800', ip_packet(A.address, '255.255.255.255')),       # broadcast
        ('01005e000001', '0800', ip_packet(A.address, '224.0.0.1')),             # multicast
        ('ffffffffffff', '0806', '0001080006040001' + hexmac(A.mac) + hexip(A.address) + '000000000000' + hexip(B.address)),
        ('333300000001', '86dd', '60000000' + '00' * 36),                        # IPv6
        (hexmac(B.mac), '8100', '00050800' + ip_packet(A.address, B.address)),  # VLAN
        (hexmac(B.mac), '88b5', '00' * 46))])
    got = [f for f in got if hexmac(A.mac) in f]
    check(got == [], f'B saw frames of A: {got}')


def test_a_dhcp_message_for_another_machine_is_dropped():
    mine, other = dhcp_message(7, B.mac, B.address), dhcp_message(7, A.mac, A.address)
    A.lease()
    lease = lambda: A.mac in open(f'{n.home}/run/net/{VPC}/leases').read()
    check(lease(), 'A has a lease')
    udp_send = 'import socket,sys;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.bind(("",68));s.sendto(bytes.fromhex(sys.argv[1]),("172.31.0.1",67))'
    B.lease()
    B.py(udp_send, other)
    B.py(udp_send, mine)
    eventually('B released its own lease', lambda: B.mac not in open(f'{n.home}/run/net/{VPC}/leases').read())
    check(lease(), "A's lease is released by B")


# ---- what is out of bounds ----

def test_another_vpc_is_out_of_reach():
    n.vpc(VPC2, '172.31.0.0/16')
    n.do('group', SG, VPC2, ALL_OUT, 'in,-1,0,0,0.0.0.0/0')
    d = n.guest(101, SG, vpc=VPC2, address='172.31.0.11')
    d.serve(22)
    check(d.address == A.address, 'the same address twice')
    check(B.ask(A.address, 22) == f'{A.address} sees {B.address}', 'the one of this VPC answers')
    links = [l.split()[3].split('/')[0] for l in sh('ip', '-4', '-o', 'addr', 'show').splitlines() if f' k{n.tag}' in l and '169.254' in l]
    check(len(links) == 2, f'two ways out: {links}')
    for a in links:
        host = a.rsplit('.', 1)
        for address in (a, f'{host[0]}.{int(host[1]) + 1}'):
            check(B.ask(address, 22, timeout=0.3) != f'{A.address} sees {B.address}' and not B.ping(address), address)


if __name__ == '__main__':
    run(sys.modules[__name__])
