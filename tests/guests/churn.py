#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests come and go, one after the other and several at once: nothing of them stays on the host."""
from guestlib import *

requires('dnsmasq', 'nft')
LAUNCHES = int(os.environ.get('KILN_LAUNCHES', '16'))    # 200 before a release
AT_ONCE = 4
k = Kiln('--stop-timeout', '1')     # who is still booting hears no power button
t = {}


def files():
    """Everything below the home, but what says so by its name that it is kept: logs, and the store and database that grow."""
    kept = re.compile(r'/(store|keys)/|kiln\.db|\.log$')
    return sorted(p for p in glob.glob(f'{k.home}/**', recursive=True) if not kept.search(p))


def standing():
    """What a launch may leave: processes, sockets, namespaces, links, leases, rules, files, descriptors."""
    ns, vpc = t['ns'], f"{k.home}/run/net/{t['vpc']}"
    inside = ['ip', 'netns', 'exec', ns]
    return {
        'processes': sorted(line.split()[0] for line in procs_with(k.home).values()),
        'namespaces': sorted(n for n in os.listdir('/run/netns') if n.split('-')[:2] == ns.split('-')[:2]),
        'links': sorted(l.split()[0] for l in sh(*inside, 'ip', '-br', 'link').splitlines()),
        'leases': {f: pathlib.Path(vpc, f).read_text() for f in ('leases', 'hosts') if os.path.exists(f'{vpc}/{f}')},
        'rules': sh(*inside, 'nft', 'list', 'ruleset'),
        'sockets': sorted(l.split()[7] for l in open('/proc/net/unix') if k.home in l),
        'files': files(),
        'descriptors': len(os.listdir(f'/proc/{k.daemon.pid}/fd')),
    }


def same_as_before():
    def look():
        now = t['now'] = standing()
        return now == t['before']
    try:
        eventually('nothing is left', look, 60)
    except Failed as e:
        was, now = t['before'], t['now']
        raise Failed(f'{e}: ' + str({w: (was[w], now[w]) for w in was if was[w] != now[w]})) from None


def terminate(*all):
    k.ec2.terminate_instances(InstanceIds=list(all))
    for i in all:
        k.instance_is(i, 'terminated')


def test_the_network_stands():
    k.start()
    t['ami'], _ = k.import_disk(guest(), name='tiny')
    i = k.run(t['ami'])
    t['vpc'] = network(k, i)['VpcId']
    t['ns'] = namespace(k, t['vpc'])
    t['cut'] = (f'{k.home}/instances/{i}', network(k, i)['NetworkInterfaceId'])
    terminate(i)
    eventually('its machine is gone', lambda: not procs_with(f'/{i}/'))


def test_launches_in_a_row_leave_nothing():
    # The first guest brought up what is shared; from here on nothing may be added.
    eventually('it is quiet', lambda: not os.path.exists(t['cut'][0]))
    same = None
    while same != (same := standing()):
        eventually('a turn', lambda: True)
    t['before'] = same
    for n in range(0, LAUNCHES, AT_ONCE):
        first, *_ = all = launch(AT_ONCE)
        if n % 32 == 0:     # some have a lease by then, some are hardly there
            k.console_line(first, 'GUEST-DHCP', seconds=300)
        elif n % 3 == 0:
            k.instance_is(first, 'running')
        terminate(*all)
    same_as_before()


def launch(n):
    return [r['InstanceId'] for r in k.ec2.run_instances(ImageId=t['ami'], InstanceType='t3.nano', MinCount=n, MaxCount=n)['Instances']]


def test_guests_at_once_leave_nothing():
    all = launch(AT_ONCE)
    addresses = set()
    for i in all:
        k.instance_is(i, 'running')
        address = network(k, i)['PrivateIpAddress']
        k.console_line(i, f'GUEST-DHCP {address}/', seconds=300)
        addresses.add(address)
    equal(len(addresses), AT_ONCE, 'addresses')
    terminate(*all)
    same_as_before()


def test_a_daemon_that_is_killed_cleans_up_at_its_next_start():
    i = k.run(t['ami'])
    k.ec2.terminate_instances(InstanceIds=[i])
    k.restart()
    k.instance_is(i, 'terminated')
    t['before']['descriptors'] = None
    def look():
        now = t['now'] = dict(standing(), descriptors=None)
        return now == t['before']
    eventually('nothing is left', look, 60)


def test_the_end_takes_the_network_away():
    k.stop()
    equal(procs_with(k.home), {})
    equal([n for n in os.listdir('/run/netns') if n == t['ns']], [])
    tag = t['ns'].split('-')[1]
    equal([l for l in os.listdir('/sys/class/net') if tag in l], [], 'links of the host')
    true(tag not in sh('nft', 'list', 'ruleset'), 'no rule of the host is left')


run([v for n, v in list(globals().items()) if n.startswith('test_')])
