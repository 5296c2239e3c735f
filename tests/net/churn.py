#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""200 ports come and go and leave nothing; many ports are still quick."""
import sys

from netlib import *

n = Net('nat')


def mine(names):
    return sorted(x for x in names if n.tag in x or x.startswith(f'knt-{os.getpid()}-'))


def snapshot():
    d = f'{n.home}/run/net/{VPC}'
    return {'netns': mine(os.listdir('/run/netns')), 'links': mine(os.listdir('/sys/class/net')),
            'inside': sorted(l.split()[0] for l in n.inside('ip', '-br', 'link').splitlines()),
            'neigh': n.inside('ip', 'neigh').split(), 'fdb': n.inside('bridge', 'fdb').count('static'),
            'fds': len(os.listdir(f'/proc/{n.p.pid}/fd')), 'files': {f: 'log' in f or open(f'{d}/{f}').read() for f in os.listdir(d)}}


def same_soon(before):
    end = time.monotonic() + 10
    while (now := snapshot()) != before:
        check(time.monotonic() < end, [(k, before[k], now[k]) for k in now if now[k] != before[k]])
        select.select([], [], [], 0.1)


def test_two_hundred_come_and_go():
    n.vpc()
    n.do('group', SG, VPC, ALL_OUT, 'in,-1,0,0,' + SG)
    first = n.guest(1)
    check(first.lease(), 'a lease')
    n.do('port-', first.eni)
    first.end()
    n.settle()
    guests = [n.guest(2 + k) for k in range(7)]
    for g in guests:
        n.do('port-', g.eni)
        g.pull()
    n.settle()
    quiet = snapshot()
    quiet['neigh'] = []  # the last ports' entries go with them, a moment later
    same_soon(quiet)
    before = snapshot()
    for i in range(200):
        g = guests[i % 7]
        n.do('port', g.eni, VPC, g.mac, g.address, SG)
        g.plug(configure=False)
        if i % 10 == 0:
            check(g.lease().get('ip') == g.address, f'the lease of number {i}')
        if i % 2:
            g.pull()  # QEMU ends before the port is removed, or after
        n.do('port-', g.eni)
        g.pull()
    n.settle()
    same_soon(before)
    rules = n.inside('nft', 'list', 'ruleset')
    check('172.31.0.12' not in rules and '02:00:00:00' not in rules, rules)


def test_vpcs_come_and_go():
    before = snapshot()
    for i in range(20):
        n.vpc(VPC2)
        if i % 2:
            n.settle()
        n.do('vpc-', VPC2)
        n.settle()
    same_soon(before)


def test_a_thousand_ports_are_set_and_changed_quickly():
    begin = time.monotonic()
    for i in range(1000):
        n.do('port', n.eni(1000 + i), VPC, '02:00:00:01:%02x:%02x' % (i >> 8, i & 255), f'172.31.{4 + (i >> 8)}.{i & 255 or 1}'
             if i & 255 else f'172.31.{8 + (i >> 8)}.9', SG)
    n.settle()
    print(f'# 1000 ports: {time.monotonic() - begin:.2f} s')
    begin = time.monotonic()
    n.do('group', SG, VPC, ALL_OUT, 'in,6,22,22,' + SG)
    n.settle()
    took = time.monotonic() - begin
    print(f'# a rule among 1000 ports: {took:.2f} s')
    check(took < 3, took)
    check(n.try_('port', n.eni(1), VPC, '02:00:00:02:00:00', '172.31.3.3', SG).startswith('no limit'), 'one too many')
    n.do('port-', n.eni(1001))
    n.settle()
    begin = time.monotonic()
    g = n.guest(1, SG)
    print(f'# a launch among 1000 ports: {time.monotonic() - begin:.2f} s')
    begin = time.monotonic()
    for i in range(1000):
        n.do('port-', n.eni(1000 + i))
    n.settle()
    print(f'# 1000 ports removed: {time.monotonic() - begin:.2f} s')
    check(g.lease().get('ip') == g.address, 'a lease')


if __name__ == '__main__':
    run(sys.modules[__name__])
