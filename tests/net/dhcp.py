#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest on a tap gets its address, router, DNS, MTU, name and metadata route; and only its own."""
import sys

from netlib import *

n = Net()


def test_a_guest_gets_its_lease():
    n.vpc()
    n.do('group', SG, VPC, ALL_OUT)
    g = n.port(1).plug(configure=False)
    l = g.lease()
    check(l.get('ip') == '172.31.0.11', f'address: {l}')
    check(l['mask'] == '20' and l['router'] == '172.31.0.1' and l['dns'] == '172.31.0.2', l)
    check(l['mtu'] == '1500' and l['domain'] == 'ec2.internal' and l['hostname'] == 'ip-172-31-0-11', l)
    check(l['staticroutes'] == '169.254.169.254/32 0.0.0.0 0.0.0.0/0 172.31.0.1', l)
    check(l['lease'] == '3600', l)


def test_another_subnet_has_its_own_router():
    g = n.port(2, address='172.31.16.20').plug(configure=False)
    l = g.lease()
    check(l.get('ip') == '172.31.16.20' and l['router'] == '172.31.16.1', l)


def test_a_client_that_wants_broadcasts_gets_its_lease():
    g = n.port(3).plug(configure=False)
    check(g.lease('-B').get('ip') == '172.31.0.13', 'address')


def test_nobody_gets_the_lease_of_another():
    g = n.port(4).plug(wear='02:00:00:00:00:01', configure=False)
    check(g.lease('-t', '2') == {}, 'a lease for a forged MAC')


if __name__ == '__main__':
    run(sys.modules[__name__])
