#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public addresses, with real packets: who reaches them, as whom, and what stays of them."""
import sys

from netlib import *

w = World('203.0.113')
n = Net('nat')
n.do('sweep')
RANGE = n.do('range')
BASE = RANGE.rsplit('.', 1)[0]
GATE, P1, P2, P3, P4 = (f'{BASE}.{k}' for k in (1, 2, 3, 4, 5))
SSH = 'in,6,22,22,0.0.0.0/0'
A = B = C = D = None


def routes():
    return [l.split()[0] for l in sh('ip', 'route').splitlines() if ' k' + n.tag in l and ' via ' in l]


def test_a_range_is_chosen_and_marked():
    check(RANGE.endswith('/22') and RANGE.startswith('198.19.'), RANGE)
    check(f'unreachable {RANGE} metric {n.metric}' in sh('ip', 'route'), sh('ip', 'route'))


def test_the_host_comes_in_by_a_rule_only():
    global A, B, C
    n.vpc()
    n.do('group', SG, VPC, ALL_OUT)
    n.do('group', SG2, VPC, ALL_OUT)
    A, B, C = n.guest(1, SG, public=P1), n.guest(2, SG2, public=P2), n.guest(3, SG2)
    A.serve(22), A.serve(23), B.serve(22)
    n.settle()
    check(sorted(routes()) == [P1, P2], routes())
    check(host_asks(P1, 22, timeout=0.5) == 'silence', 'without a rule')
    n.do('group', SG, VPC, ALL_OUT, SSH)
    n.settle()
    check(host_asks(P1, 22) == f'{A.address} sees {GATE}', 'with one')
    check(host_asks(P1, 23, timeout=0.5) == 'silence', 'another port')
    check(host_asks(P2, 22, timeout=0.5) == 'silence', 'another group')
    check(host_asks(P3, 22) == 'No route to host', 'an address that nobody has')
    n.do('group', SG, VPC, ALL_OUT, f'in,6,22,22,{GATE}/32')
    n.settle()
    check(host_asks(P1, 22) == f'{A.address} sees {GATE}', "a rule with the host's own address")


def test_the_neighbourhood_comes_in_as_itself():
    """Another machine that has a route to the range over this host."""
    w.run('ip', 'route', 'add', RANGE, 'via', w.host)
    check(w.ask(P1, 22, timeout=0.5) == 'silence', "the host's rule is not everybody's")
    n.do('group', SG, VPC, ALL_OUT, f'in,6,22,22,{w.address}/32', 'in,1,8,-1,0.0.0.0/0')
    n.settle()
    check(w.ask(P1, 22) == f'{A.address} sees {w.address}', 'as itself')
    check(w.ping(P1), 'a ping')
    check(w.ask(P1, 23, timeout=0.5) == 'silence' and not w.ping(P2), 'no rule')


def test_a_guest_with_a_public_address_goes_out_as_the_host():
    w.serve(80, word='world')
    for g in (A, C):
        check(g.ask(w.address, 80) == f'world sees {w.host}', g.ask(w.address, 80))


def test_guests_see_each_other_s_public_address():
    n.do('group', SG, VPC, ALL_OUT, f'in,6,22,22,{P2}/32', f'in,6,23,23,{SG2}')
    n.settle()
    check(B.ask(P1, 22) == f'{A.address} sees {P2}', B.ask(P1, 22))
    check(C.ask(P1, 22, timeout=0.5) == 'silence', 'another sender')
    check(B.ask(P1, 23, timeout=0.5) == 'silence', 'a member of the group comes by its private address')
    check(B.ask(A.address, 23) == f'{A.address} sees {B.address}', 'and is one')
    n.do('group', SG, VPC, ALL_OUT, f'in,6,22,22,{GATE}/32', f'in,6,22,22,{P1}/32')
    n.settle()
    check(C.ask(P1, 22) == f'{A.address} sees {GATE}', 'who has none comes as the host does')
    check(A.ask(P1, 22) == f'{A.address} sees {P1}', 'to itself')
    n.do('group', SG2, VPC, 'out,6,80,80,0.0.0.0/0')
    n.settle()
    check(C.ask(P1, 22, timeout=0.5) == 'silence', "the sender's own rules")
    n.do('group', SG2, VPC, f'out,6,22,22,{P1}/32')
    n.settle()
    check(C.ask(P1, 22) == f'{A.address} sees {GATE}', "the sender's own rules name the public address")
    n.do('group', SG2, VPC, ALL_OUT)


def test_another_vpc_is_reached_by_public_address_only():
    global D
    n.vpc(VPC2)
    n.do('group', SG3, VPC2, ALL_OUT)
    D = n.guest(4, SG3, vpc=VPC2, address='172.31.0.14', public=P4)
    n.do('group', SG, VPC, ALL_OUT, f'in,6,22,22,{P4}/32')
    n.settle()
    check(D.ask(P1, 22) == f'{A.address} sees {P4}', D.ask(P1, 22))
    check(D.ask(A.address, 22, timeout=0.5) != f'{A.address} sees {D.address}', 'its private address')
    D.serve(22)
    check(A.ask(P4, 22, timeout=0.5) == 'silence', "the other VPC's rules")
    n.do('group', SG3, VPC2, ALL_OUT, f'in,6,22,22,{P1}/32')
    n.settle()
    check(A.ask(P4, 22) == f'{D.address} sees {P1}', A.ask(P4, 22))


def test_nobody_forges_an_address():
    n.do('group', SG, VPC, ALL_OUT, 'in,-1,0,0,' + SG2, f'in,-1,0,0,{P2}/32', 'in,-1,0,0,10.9.9.9/32')
    n.settle()
    router = hexmac(next(l.split()[1] for l in sh('ip', 'link', 'show', w.link).splitlines() if 'link/ether' in l))
    mine = hexmac(next(l.split()[1] for l in w.run('ip', 'link', 'show', 'eth0').splitlines() if 'link/ether' in l))
    sh('ip', 'route', 'add', '10.9.9.9/32', 'dev', w.link)
    # an honest stranger arrives; a member's private address, a public one and a link-local one do not
    for source, arrives in (('10.9.9.9', True), (B.address, False), (P2, False), ('169.254.169.254', False)):
        got = frames_heard(A, lambda: w.run(sys.executable, '-c', FRAME, 'eth0', router + mine + '0800' + ip_packet(source, P1)))
        check(any(hexip(source) + hexip(A.address) in f for f in got) == arrives, f'{source}: {got}')
    sh('ip', 'route', 'del', '10.9.9.9/32', 'dev', w.link)
    B.run('ip', 'addr', 'add', P3 + '/32', 'dev', 'eth0')
    check(B.ask(P1, 22, source=P3, timeout=0.5) == 'silence', 'a guest that takes an address')
    B.run('ip', 'addr', 'del', P3 + '/32', 'dev', 'eth0')


def test_what_the_host_serves_stays_out_of_reach():
    w.serve(18774, word='api', where=[])
    check(host_asks(GATE, 18774).startswith('api'), 'the host itself')
    for a in (GATE, w.host):
        check(A.ask(a, 18774, timeout=0.5) == 'silence' and not A.ping(a), a)
    check(A.ask(P3, 80, timeout=0.5) in ('No route to host', 'silence'), 'an address that nobody has')


def test_an_address_moves_and_leaves_nothing_behind():
    """C takes over the address of A; the connection that was open is A's no more."""
    for sg in (SG, SG2):
        n.do('group', sg, VPC, ALL_OUT, 'in,6,0,65535,0.0.0.0/0')
    n.settle()
    code = ('import socket,sys;s=socket.socket();s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1);s.bind(("",2222));'
            's.listen(1);print("ready",flush=True);c,_=s.accept();c.settimeout(1)\n'
            'try: print(c.recv(9),flush=True); print(c.recv(9),flush=True)\nexcept OSError as e: print("silence",flush=True)')
    srv = subprocess.Popen(['ip', 'netns', 'exec', A.ns, sys.executable, '-c', code], stdout=subprocess.PIPE, env=ENV)
    srv.stdout.readline()
    with socket_to(P1, 2222) as s:
        s.send(b'one')
        check(srv.stdout.readline() == b"b'one'\n", 'open')
        A.tell(SG), C.tell(SG2, public=P1)
        n.settle()
        s.send(b'two')
        check(srv.communicate(timeout=20)[0] == b'silence\n', 'the old owner hears no more')
    C.serve(22)
    check(host_asks(P1, 22) == f'{C.address} sees {GATE}', 'the new one does')
    D.tell(SG3, public=P1)  # to another VPC, with its route
    n.settle()
    n.do('group', SG3, VPC2, ALL_OUT, 'in,6,0,65535,0.0.0.0/0')
    n.settle()
    check(sorted(routes()) == [P1, P2], routes())
    check(host_asks(P1, 22) == f'{D.address} sees {GATE}', 'in the other VPC')
    C.tell(SG2), D.tell(SG3, public=P4), A.tell(SG, public=P1)
    n.settle()
    check(host_asks(P1, 22) == f'{A.address} sees {GATE}', 'and back')


def socket_to(address, port):
    import socket
    return socket.create_connection((address, port), timeout=5)


def say_all():
    for vpc in (VPC, VPC2):
        n.vpc(vpc)
    for sg, vpc in ((SG, VPC), (SG2, VPC), (SG3, VPC2)):
        n.do('group', sg, vpc, ALL_OUT, 'in,6,0,65535,0.0.0.0/0')


def test_a_daemon_that_died_is_not_missed_and_the_next_one_takes_over():
    n.die()
    check(host_asks(P1, 22) == f'{A.address} sees {GATE}', 'without a daemon')
    sh('ip', 'route', 'add', P3, 'dev', f'{links()[0]}')  # what a daemon left that died in the middle
    n.start()
    check(n.do('range') == RANGE, 'the same range')
    say_all()
    for g in (A, B, C):
        g.tell(*g.groups, public=g.public)
    n.do('sweep')  # D is gone
    check(sorted(routes()) == [P1, P2] and P3 not in sh('ip', 'route'), sh('ip', 'route'))
    check(host_asks(P1, 22) == f'{A.address} sees {GATE}', 'taken over')


def links():
    return [l for l in os.listdir('/sys/class/net') if l.startswith('k' + n.tag)]


def test_a_port_that_goes_takes_its_address_along():
    n.do('port-', B.eni)
    n.settle()
    check(routes() == [P1], routes())
    check(host_asks(P2, 22) == 'No route to host', 'nobody there')


def test_homes_beside_each_other_have_ranges_of_their_own():
    m = Net('nat', 'before=' + RANGE)
    other = m.do('range')
    check(other != RANGE and other.startswith('198.19.'), other)
    third = Net('nat', 'before=' + other)  # before the second one has marked its own
    check(third.do('range') not in (RANGE, other), third.do('range'))
    third.end()
    m.do('sweep')
    p = other.rsplit('.', 1)[0] + '.2'
    m.vpc()
    m.do('group', SG, VPC, ALL_OUT, 'in,6,22,22,0.0.0.0/0')
    g, without = m.guest(5, SG, public=p), m.guest(6, SG)
    g.serve(22)
    m.settle()
    check(host_asks(p, 22).startswith(g.address), 'the host')
    check(A.ask(p, 22).startswith(f'{g.address} sees '), 'guests of another home come by rules too')
    gate = p.rsplit('.', 1)[0] + '.1'
    check(without.ask(p, 22) == f'{g.address} sees {gate}', "the other home's table is the older one, and translates nothing here")
    m.end()
    check(other not in sh('ip', 'route'), 'its mark is gone')


def test_a_range_that_is_in_use_is_refused_by_name():
    home = tempfile.mkdtemp(prefix='kiln-net.')
    for words, told in (
            (('nat', 'public=203.0.113.0/25'), ('203.0.113.0/24', w.link)), (('nat', 'public=' + RANGE), (GATE, 'k' + n.tag)),
            (('nat', 'public=10.0.0.0/8'), ('/16',)), (('nat', 'public=169.254.0.0/20'), ('range',)),
            (('public=10.99.0.0/24',), ('way out',))):
        p = sh(DRIVE, home, *words, ok=False)
        check(p.returncode == 1 and all(t in p.stdout for t in told), p.stdout)
    os.rmdir(home)
    check(n.try_('port', A.eni, VPC, A.mac, A.address + '=8.8.8.8', SG).startswith('no invalid'), 'of another range')
    check(n.try_('port', A.eni, VPC, A.mac, f'{A.address}={GATE}', SG).startswith('no invalid'), "the host's own")


def test_without_public_addresses_nothing_of_them_stays():
    n.die()
    n.options = ('nat', 'public=none')
    n.start()
    check(n.do('range') == 'none', 'none')
    say_all()
    for g in (A, C):
        g.tell(*g.groups)
    n.do('sweep')
    check(routes() == [] and f'metric {n.metric}' not in sh('ip', 'route'), sh('ip', 'route'))
    check(A.ask(w.address, 80) == f'world sees {w.host}', 'the way out is there')
    check(GATE not in sh('ip', 'addr'), "the host's own is gone")


if __name__ == '__main__':
    run(sys.modules[__name__])
