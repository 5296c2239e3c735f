#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twenty small guests at once: each gets its own answers, quickly; and the floods of some harm nobody else."""
import statistics

from guestlib import *

requires('dnsmasq', 'nft')
GUESTS, CONNECTIONS, REQUESTS = 20, 20, 25      # requests of a connection
k = Kiln('--stop-timeout', '1')
t = {}

# Written by user data, run when all are up. Pipelined: without KVM a process for each request takes longest.
SCRIPT = f'''#!/bin/sh
cat >/tmp/ask <<'X'
I=169.254.169.254
T=$(printf 'PUT /latest/api/token HTTP/1.0\\r\\n{TTL}: 600\\r\\n\\r\\n' | nc $I 80 | tail -n 1)
Q="GET /latest/meta-data/instance-id HTTP/1.1\\r\\nHost: h\\r\\n{TOKEN}: $T\\r\\n"
n=0
while [ $n -lt {CONNECTIONS} ]; do
 {{ m=1; while [ $m -lt {REQUESTS} ]; do printf "$Q\\r\\n"; m=$((m+1)); done; printf "$Q"'Connection: close\\r\\n\\r\\n'; }} | nc $I 80
 n=$((n+1))
done >/tmp/answers
echo "$(grep -o 'HTTP/1.1 200' /tmp/answers | wc -l)" $(grep -o 'i-[0-9a-f]\\{{17\\}}' /tmp/answers | sort | uniq -c)
X
cat >/tmp/flood <<'X'
printf 'GET /latest/dynamic/instance-identity/pkcs7 HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n' >/tmp/f
n=0; while [ $n -lt 10 ]; do cat /tmp/f /tmp/f >/tmp/g; mv /tmp/g /tmp/f; n=$((n+1)); done      # 1,024 requests
n=0; while [ $n -lt 90 ]; do ( while :; do nc 169.254.169.254 80 </tmp/f >/dev/null; done ) & n=$((n+1)); done
X
echo GUEST-CAN-ASK
'''


class Times:
    """What the service takes, measured on the host."""

    def __init__(self, ns):
        script = pathlib.Path(__file__).parent / 'answer-times'
        self.p = subprocess.Popen(['ip', 'netns', 'exec', ns, sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.p.stdout.readline()

    def take(self):
        self.p.stdin.write('\n')
        self.p.stdin.flush()
        return json.loads(self.p.stdout.readline())

    def end(self):
        self.p.stdin.close()
        self.p.wait(20)


def ask(all):
    """All of them at once; what each got must be its own."""
    lines = {i: t['lines'][i] for i in all}
    t['times'].take()
    for line in lines.values():
        line.begin('sh /tmp/ask')
    for i, line in lines.items():
        n = CONNECTIONS * REQUESTS
        equal(line.finish().split(), [str(n), str(n), i], 'answers')
    times = t['times'].take()
    true(len(times) >= len(all) * CONNECTIONS, f'{len(times)} answers were seen on the bridge')
    return statistics.median(times)


def test_twenty_guests_come_up():
    begin = time.monotonic()
    k.start()
    ami, _ = k.import_disk(guest(), name='tiny')
    t['all'] = [r['InstanceId'] for r in k.ec2.run_instances(
        ImageId=ami, InstanceType='t2.nano', MinCount=GUESTS, MaxCount=GUESTS, UserData=SCRIPT,
        MetadataOptions={'HttpTokens': 'required'})['Instances']]
    for i in t['all']:
        true(f'GUEST-IMDS {i} ' in k.console_line(i, 'GUEST-CAN-ASK', seconds=600), 'it knows who it is')
    t['lines'] = {i: Line(k, i) for i in t['all']}
    print(f'# after {time.monotonic() - begin:.0f} s')
    t['times'] = Times(namespace(k, network(k, t['all'][0])['VpcId']))


def test_each_reads_its_own_instance_id_in_ten_thousand_answers():
    median = ask(t['all'])
    print(f'# {GUESTS * CONNECTIONS * REQUESTS} answers, median on the host {median:.3f} ms')
    true(median < 2, f'the median answer: {median:.3f} ms')


def test_guests_that_flood_harm_nobody_else():
    talker, asker, *others = t['all']
    others = others[:4]
    quiet = ask(others)
    t['lines'][talker].begin('while :; do cat /tmp/ask /tmp/ask /tmp/ask; done')
    t['lines'][asker].begin('sh /tmp/flood')
    eventually('the talker floods its line', lambda: os.path.getsize(f'{k.home}/instances/{talker}/console.log') > 200_000, 60)
    loud = ask(others)
    begin = time.monotonic()
    k.ec2.describe_instances()
    api = time.monotonic() - begin
    print(f'# median {quiet:.3f} ms, beside floods {loud:.3f} ms; DescribeInstances then {api * 1000:.0f} ms')
    true(loud < 10, f'beside floods {loud:.3f} ms, before {quiet:.3f} ms')      # without KVM, on two processors
    true(api < 2, f'the API answers in {api:.3f} s')
    for i in (talker, asker):
        equal(k.instance(i)['State']['Name'], 'running')


def test_the_end_leaves_nothing():
    t['times'].end()
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
