#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""crash.py VICTIM MOMENTS: kill -9 of kilnd, kiln-worker or kiln-volume at many moments of import and create-image.

After each: an image is available and bit-exact, or failed with a reason; the store is clean; nothing is left behind.
The moments are spread over the time that the operation takes when nobody disturbs it."""
import fcntl, os, random, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
from kilntest import *

VICTIM, MOMENTS = sys.argv[1], int(sys.argv[2])
MIB = 1 << 20
k = Kiln('--fill', '0', '--network', 'isolated', name='crash')
rnd = random.Random(VICTIM)
t = {'n': 0, 'available': 0, 'failed': 0}


def make_disk(path, seed):
    r = random.Random(seed)
    with open(path, 'wb') as f:
        f.truncate(256 * MIB)
        for at in range(0, 256, 4):
            f.seek(at * MIB)
            f.write(r.randbytes(MIB))
    os.chmod(path, 0o644)
    return path


def content(snapshot):
    path = f'{k.home}/read-back.raw'
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    k.cli('store', 'export', snapshot, path)
    return path


def extents(fd):
    """The parts of a sparse file that may hold something, in whole MiB."""
    at, found = 0, set()
    while True:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            return found
        end = os.lseek(fd, at, os.SEEK_HOLE)
        found.update(range(at // MIB, (end + MIB - 1) // MIB))
        at = end


def same(path, snapshot):
    """Bit-exact; whoever is shorter reads as zeros behind its end; holes need not be read."""
    with open(path, 'rb') as a, open(content(snapshot), 'rb') as b:
        for mib in sorted(extents(a.fileno()) | extents(b.fileno())):
            x, y = os.pread(a.fileno(), MIB, mib * MIB), os.pread(b.fileno(), MIB, mib * MIB)
            true(x.ljust(MIB, b'\0') == y.ljust(MIB, b'\0'), f'{snapshot} differs from {path} in MiB {mib}')


def victims():
    want = {'kilnd': None, 'kiln-worker': 'kiln-worker', 'kiln-volume': 'kiln-volume.so'}[VICTIM]
    return [k.daemon.pid] if want is None else [p for p, line in procs_with(k.home).items() if want in line and '--home' not in line]


def strike():
    """Kills the victim if it lives now; the daemon is started again as its supervisor would."""
    hit = victims()
    for pid in hit:
        kill_proc(pid)
    if VICTIM == 'kilnd':
        k.daemon.wait()
        k.start()
    return bool(hit)


def victim_lives(seconds):
    """Waits until the victim has begun its work; short lives are not missed."""
    end = time.monotonic() + seconds
    while not victims() and time.monotonic() < end:
        select.select([], [], [], 0.005)


def at_a_moment(begin, settled, took):
    """begin(), then the blow at a random moment of the time that the victim works, then settled()."""
    what = begin()
    victim_lives(took)
    select.select([], [], [], rnd.uniform(0, t['life']))
    t['hits'] = t.get('hits', 0) + strike()
    return settled(what)


def rounds():
    """Goes on until MOMENTS blows have hit, at most three times as long."""
    first = t.get('hits', 0)
    for _ in range(3 * MOMENTS):
        if t.get('hits', 0) - first >= MOMENTS:
            return
        yield


def timed(begin, settled):
    """How long all of it takes undisturbed, and in t['life'] how long the victim lives meanwhile."""
    start = time.monotonic()
    what = begin()
    victim_lives(30 if VICTIM != 'kiln-volume' or begin is begin_image else 0)  # an import has no volume
    born = time.monotonic()
    while VICTIM != 'kilnd' and victims():
        select.select([], [], [], 0.005)
    t['life'] = time.monotonic() - born
    settled(what)
    took = time.monotonic() - start
    if VICTIM == 'kilnd':
        t['life'] = took
    return took


def settled(ami):
    im = k.image_settled(ami)
    t[im['State']] += 1
    if im['State'] == 'failed':
        true(im.get('StateReason', {}).get('Message'), f'{ami} failed without a reason')
    return im


def leaves_nothing_behind():
    eventually('workers end', lambda: not [p for p, l in procs_with(k.home).items() if 'kiln-worker' in l])
    report = json.loads(k.cli('store', 'check', '--shallow', '--json'))['check']
    equal(report['problems'], 0, 'problems of the store')
    left = [f for f in os.listdir(f'{k.home}/run') if f not in ('kilnd.pid', 'acceleration', 'guests-run-with', 'kilnd.log')]
    equal(left, [], 'files in run/')
    equal(sorted(os.listdir(f'{k.home}/volumes')), sorted(v['VolumeId'] for v in k.ec2.describe_volumes()['Volumes']), 'volume directories')
    points = glob.glob(f'{k.home}/volumes/*/points/*')
    equal(points, [], f'points left; the log ends: {k.log()[-3000:]}')


def begin_import():
    t['n'] += 1
    ami, _ = k.import_disk(t['disk'], name=f"imported-{t['n']}", wait=False)
    return ami


def delete(ami, im):
    k.ec2.deregister_image(ImageId=ami)
    for m in im['BlockDeviceMappings']:
        if 'SnapshotId' in m.get('Ebs', {}):
            k.ec2.delete_snapshot(SnapshotId=m['Ebs']['SnapshotId'])


def test_import_survives_at_every_moment():
    k.start()
    t['disk'] = make_disk(f'{k.home}/disk.raw', 1)
    took = timed(begin_import, settled)
    if VICTIM == 'kiln-volume':
        return  # an import has no volume
    for _ in rounds():
        t['disk'] = make_disk(f'{k.home}/disk.raw', t['n'])  # fresh content: nothing is deduplicated away
        ami = at_a_moment(begin_import, lambda a: a, took)
        im = settled(ami)
        if im['State'] == 'available':
            same(t['disk'], k.root_snapshot(ami))
        leaves_nothing_behind()
        delete(ami, im)


def test_an_instance_with_two_volumes_is_there():
    t['disk'] = make_disk(f'{k.home}/disk.raw', 0)
    t['ami'] = begin_import()
    k.image_available(t['ami'])
    t['i'] = k.run(t['ami'], BlockDeviceMappings=[{'DeviceName': '/dev/sdf', 'Ebs': {'VolumeSize': 1}}])
    t['vols'] = [m['Ebs']['VolumeId'] for m in k.instance(t['i'])['BlockDeviceMappings']]
    equal(len(t['vols']), 2)
    k.ec2.stop_instances(InstanceIds=[t['i']], Force=True)
    k.instance_is(t['i'], 'stopped')
    t['truth'] = {}
    for v in t['vols']:
        t['truth'][v] = f'{k.home}/truth-{v}.raw'
        with open(t['truth'][v], 'wb') as f:
            f.truncate(1 << 30)
    with open(t['disk'], 'rb') as src, open(t['truth'][t['vols'][0]], 'r+b') as dst:
        while block := src.read(MIB):
            if block.strip(b'\0'):
                dst.seek(src.tell() - len(block))
                dst.write(block)


def unserved(volume):
    """Its lock is free: a killed server has lost its command line before it lets go of its files."""
    with open(f'{k.home}/volumes/{volume}/lock') as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def change_volumes():
    """Changes 8 MiB of each volume of the stopped instance, and the copy that is compared with."""
    for v in t['vols']:
        eventually(f'{v} is free', lambda: unserved(v))
        at, fill = rnd.randrange(0, 900) * MIB, rnd.randbytes(MIB)
        piece = f'{k.home}/piece'
        open(piece, 'wb').write(fill)
        os.chmod(piece, 0o644)
        t['s'] = t.get('s', 0) + 1
        vol, sock = f'{k.home}/volumes/{v}', f"{k.home}/w{t['s']}.sock"
        sh('nbdkit', '-U', sock, BUILD / 'kiln-volume.so', f'dir={vol}', f'store={k.home}/store', '--run',
           f'qemu-io -f raw -c "write -s {piece} {at} 1M" -c flush "nbd+unix:///?socket={sock}"', timeout=60)
        with open(t['truth'][v], 'r+b') as f:
            f.seek(at)
            f.write(fill)


def begin_image():
    t['n'] += 1
    return k.ec2.create_image(InstanceId=t['i'], Name=f"golden-{t['n']}")['ImageId']


def as_user():
    """Files that this test wrote as root beside the daemon go back to the volumes' user."""
    for v in t['vols']:
        st = os.stat(f'{k.home}/volumes/{v}')
        for f in glob.glob(f'{k.home}/volumes/{v}/**', recursive=True):
            with contextlib.suppress(FileNotFoundError):
                os.lchown(f, st.st_uid, st.st_gid)


def test_create_image_survives_at_every_moment():
    change_volumes(); as_user()
    took = timed(begin_image, settled)
    for _ in rounds():
        change_volumes(); as_user()
        ami = at_a_moment(begin_image, lambda a: a, took)
        im = settled(ami)
        if im['State'] == 'available':
            for m in im['BlockDeviceMappings']:
                v = k.snapshot(m['Ebs']['SnapshotId'])['VolumeId']
                same(t['truth'][v], m['Ebs']['SnapshotId'])
        eventually('no server runs for a stopped instance', lambda: not [p for p, l in procs_with(k.home).items() if 'nbdkit' in l])
        leaves_nothing_behind()
        delete(ami, im)


def test_what_was_seen():
    print(f"# {VICTIM}: {t['hits']} blows hit, {t['available']} images available, {t['failed']} failed with a reason")
    true(t['hits'] >= MOMENTS * (1 if VICTIM == 'kiln-volume' else 2), 'too few blows hit')
    true(t['available'] > 0, 'not one image survived')
    k.ec2.terminate_instances(InstanceIds=[t['i']])
    k.instance_is(t['i'], 'terminated')
    for v in k.ec2.describe_volumes()['Volumes']:
        if v['State'] == 'available':
            k.ec2.delete_volume(VolumeId=v['VolumeId'])
    eventually('volumes are deleted', lambda: not os.listdir(f'{k.home}/volumes'))
    eventually('space came back', lambda: json.loads(k.cli('store', 'check', '--json'))['check']['leftovers'] == 0)
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
