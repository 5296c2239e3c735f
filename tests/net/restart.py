#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon dies at any moment: guests go on, the next daemon takes over or cleans up."""
import sys

from netlib import *

n = Net('nat')
A = B = None
dnsmasq = 0


def dnsmasq_pid(vpc=VPC):
    for pid in n.inside('true', vpc=vpc) or sh('ip', 'netns', 'pids', n.ns(vpc)).split():
        with contextlib.suppress(OSError):
            if 'dnsmasq' in open(f'/proc/{pid}/comm').read():
                return int(pid)
    return 0


def say_all():
    n.vpc()
    n.do('group', SG, VPC, ALL_OUT, 'in,6,22,22,0.0.0.0/0')
    for g in (A, B):
        n.do('port', g.eni, VPC, g.mac, g.address, SG)


def test_a_purge_of_nothing_ends():
    n.do('purge')
    n.do('sweep')


def test_guests_and_dnsmasq_outlive_the_daemon():
    global A, B, dnsmasq
    A, B = (Guest(n, i, VPC, f'172.31.0.{10 + i}', f'02:00:00:00:00:0{i}') for i in (1, 2))
    say_all()
    A.plug(), B.plug()
    A.serve(22)
    check(A.lease().get('ip') == A.address, 'a lease')
    dnsmasq = dnsmasq_pid()
    n.die()
    check(B.ask(A.address, 22) == f'{A.address} sees {B.address}', 'traffic without a daemon')
    check(A.lease().get('ip') == A.address, 'a lease without a daemon')
    check(dnsmasq_pid() == dnsmasq > 0, 'dnsmasq lives')


def test_the_next_daemon_takes_over():
    n.start()
    n.vpc()
    check(n.inside('nft', 'list', 'ruleset').count(B.address) > 2, 'the filter stands until all is told')
    say_all()
    n.do('sweep')
    check(dnsmasq_pid() == dnsmasq, 'the same dnsmasq')
    check(B.ask(A.address, 22) == f'{A.address} sees {B.address}', 'traffic')
    check(B.ask(A.address, 23) == 'silence', 'the filter')
    check(n.try_('plug', A.eni, A.ns, A.mac).startswith('no conflict'), 'a tap that QEMU holds')
    n.do('port', n.eni(3), VPC, '02:00:00:00:00:03', '172.31.0.13', SG)
    c = Guest(n, 3, VPC, '172.31.0.13', '02:00:00:00:00:03').plug(configure=False)
    check(c.lease().get('ip') == '172.31.0.13' and dnsmasq_pid() == dnsmasq, 'a new host by the same dnsmasq')
    n.do('port-', n.eni(3))
    c.end()


def test_dnsmasq_that_dies_is_started_again():
    n.settle()
    old = dnsmasq_pid()
    os.kill(old, signal.SIGKILL)
    new = eventually('another dnsmasq', lambda: dnsmasq_pid() not in (0, old) and dnsmasq_pid())
    check(A.lease().get('ip') == A.address, 'a lease')
    check(new != old, new)


def test_a_dnsmasq_that_nobody_started_again_is():
    os.kill(dnsmasq_pid(), signal.SIGSTOP)  # a daemon cannot see this one die
    n.die()
    os.kill(dnsmasq_pid(), signal.SIGKILL)
    n.start()
    say_all()
    n.do('sweep')
    check(dnsmasq_pid() and A.lease().get('ip') == A.address, 'a lease')


def test_an_address_goes_to_another_machine_at_once():
    check(A.lease().get('ip') == A.address, 'a lease')
    n.do('port-', A.eni)
    n.settle()
    check(A.mac not in open(f'{n.home}/run/net/{VPC}/leases').read(), 'the lease is gone')
    d = n.port(4, address=A.address).plug(configure=False)
    check(d.lease().get('ip') == A.address, "the next one's lease")
    n.do('port-', d.eni)
    d.end()
    say_all()
    A.pull()
    A.plug()


def test_what_nobody_wants_is_swept():
    n.vpc(VPC2)
    n.do('group', SG, VPC2, ALL_OUT)
    n.do('port', n.eni(9), VPC2, '02:00:00:00:00:09', '172.31.0.19', SG)
    c = Guest(n, 9, VPC2, '172.31.0.19', '02:00:00:00:00:09').plug()
    n.do('port', n.eni(5), VPC, '02:00:00:00:00:05', '172.31.0.15', SG)
    e = Guest(n, 5, VPC, '172.31.0.15', '02:00:00:00:00:05').plug()
    check(e.ping('172.31.0.2') is False, 'the router does not answer pings')
    n.die()
    n.start()
    say_all()
    n.do('sweep')
    check(not [l for l in n.left() if VPC2[4:] in l], n.left())
    check('t%014x' % 5 not in n.inside('ip', '-br', 'link'), 'the tap of a port that is no more')
    check('t%014x' % 1 in n.inside('ip', '-br', 'link'), "A's tap")
    c.end(), e.end()


def test_a_daemon_killed_while_it_builds_leaves_nothing_that_the_next_cannot_use():
    for step in range(12):
        n.p.stdin.write(f'vpc {VPC2} 172.31.0.0/16 ec2.internal 172.31.0.0/20\n')
        n.answer('vpc')
        select.select([], [], [], step * 0.015)  # a different moment each time
        n.die()
        n.start()
        say_all()
        if step % 2:
            n.vpc(VPC2)
            n.do('sweep')
            n.do('group', SG, VPC2, ALL_OUT)
            n.do('port', n.eni(9), VPC2, '02:00:00:00:00:09', '172.31.0.19', SG)
            c = Guest(n, 9, VPC2, '172.31.0.19', '02:00:00:00:00:09').plug(configure=False)
            check(c.lease().get('ip') == '172.31.0.19', f'step {step}')
            c.end()
            n.do('port-', n.eni(9))
            n.do('vpc-', VPC2)
            n.settle()
        n.do('sweep')
        check(not [l for l in n.left() if VPC2[4:] in l], f'step {step}: {n.left()}')
    check(B.ask(A.address, 22) == f'{A.address} sees {B.address}', 'traffic')


if __name__ == '__main__':
    run(sys.modules[__name__])
