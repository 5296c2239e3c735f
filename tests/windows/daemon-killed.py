#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of kilnd at each moment of kiln:generalize and kiln:prepare, and of the worker too often:
after the next start the image, or the machine, is there and right, or failed with the reason; and
nothing else is left. The moments are files that appear, not times."""
from windisks import *

GENERALIZE = {'kiln:generalize': 'ec2launch-v2'}
t = {}


def appears(pattern, seconds=60):
    """Waits without a pause: the moment is short."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = glob.glob(f'{k.home}/{pattern}')
        if got:
            return got[0]
    raise Failed(f'{pattern} does not appear')


def sealed():
    """A sealed journal of prepare is there for a few milliseconds: or it has been."""
    new = appears('volumes/*/prepare.kiln-journal.new')
    while os.path.exists(new) and not os.path.exists(new[:-4]):
        pass


def workers():
    return [p for p, line in procs_with(k.home).items() if 'kiln-worker windows' in line]


def state_of(pid):
    try:
        return open(f'/proc/{pid}/stat').read().rsplit(') ', 1)[1][0]
    except OSError:
        return None


def kill_after_the_worker(pattern):
    """The worker ends well, and kilnd, which stands still, does not learn of it."""
    appears(pattern)
    os.kill(k.daemon.pid, signal.SIGSTOP)
    mine = workers()
    true(mine, 'a worker')
    eventually('the end of the worker', lambda: all(state_of(p) in (None, 'Z') for p in mine))


def kill_everything(moment):
    """As a power cut, but for what the kernel has: kilnd, workers, volume servers, machines."""
    moment()
    k.kill()
    for p in procs_with(k.home):
        kill_proc(p)
    eventually('the end of all', lambda: not procs_with(k.home))


def generalise_killed(name, moment):
    before = snapshots()
    ami = create_image(t['i'], name, GENERALIZE)
    moment(ami)
    k.restart()
    k.image_available(ami)
    snap = k.root_snapshot(ami)
    doc = inspect(snap)
    true(doc['setup']['sealed'], f'{name}: sealed')
    sid = doc['identity']['machine_sid']
    true(sid != t['sid'], f'{name}: a new SID')
    rows = report(ami)['rows']
    equal([r['after'] for r in rows if r['what'] == 'machine SID' and r['after'] == sid], [sid], f'{name}: its report')
    # the plain snapshot goes by a job of its own
    eventually(f'{name}: one snapshot more', lambda: snapshots() == {**before, snap: 'completed'})
    equal(left(), [], f'{name}: what is left')
    k.store_check()
    k.ec2.deregister_image(ImageId=ami)
    k.ec2.delete_snapshot(SnapshotId=snap)


def test_a_windows_disk_is_imported_and_runs():
    k.start()
    disk = make('golden')
    t['sid'] = sid_of(disk)
    t['ami'], _ = k.import_disk(disk, name='golden', platform='Windows')
    t['i'] = k.run(t['ami'])


def test_generalise_goes_on_after_the_request_was_written():
    generalise_killed('request', lambda ami: appears('run/windows-*.json'))


def test_generalise_goes_on_when_killed_in_the_work():
    generalise_killed('work', lambda ami: appears('run/worker-*/journal.new'))


def test_generalise_goes_on_when_killed_behind_its_report():
    generalise_killed('told', lambda ami: appears('run/report-*.json'))


def test_generalise_goes_on_when_killed_while_the_snapshot_is_written():
    generalise_killed('journal', lambda ami: appears('run/worker-*/journal'))


def test_generalise_goes_on_when_its_worker_had_ended_already():
    generalise_killed('ended', lambda ami: kill_after_the_worker('run/worker-*/journal'))


def test_generalise_goes_on_when_the_report_was_kept():
    generalise_killed('report', lambda ami: appears(f'reports/{ami}.json'))


def test_generalise_goes_on_when_all_processes_are_killed():
    generalise_killed('all', lambda ami: kill_everything(lambda: appears('run/worker-*/journal')))
    k.instance_is(t['i'], 'stopped')
    k.ec2.start_instances(InstanceIds=[t['i']])
    k.instance_is(t['i'], 'running')


def test_what_a_killed_worker_and_daemon_left_is_swept():
    """As above, by names: of a job and a snapshot that nobody knows any more."""
    k.kill()
    os.makedirs(f'{k.home}/run/worker-snap-0123456789abcdef0/x')
    for name in 'windows-job-1.json', 'report-snap-0123456789abcdef0.json', 'report-snap-1.json.new':
        open(f'{k.home}/run/{name}', 'w').close()
    k.start()
    equal(left(), [])


def kill_workers(go_on):
    killed = set()
    while go_on():
        for p in workers():
            if p not in killed and state_of(p) not in (None, 'Z'):
                kill_proc(p)
                killed.add(p)


def test_a_worker_that_is_killed_again_and_again_fails_the_image_and_keeps_the_plain_snapshot():
    before = snapshots()
    ami = create_image(t['i'], 'hopeless', GENERALIZE)
    kill_workers(lambda: k.image(ami)['State'] == 'pending')
    im = k.image_settled(ami)
    equal(im['State'], 'failed')
    true('killed by signal 9' in im['StateReason']['Message'], im['StateReason']['Message'])
    more = {s: v for s, v in snapshots().items() if s not in before}
    equal(list(more.values()), ['completed'], 'the plain snapshot alone')
    true(inspect(next(iter(more)))['identity']['machine_sid'] == t['sid'], 'the plain one has the old SID')
    equal(left(), [])
    true(not os.path.exists(f'{k.home}/reports/{ami}.json'), 'nothing is told of what did not come to be')
    k.store_check()


def prepare_killed(name, moment):
    i = run_prepared(t['sealed'], f'computer-name={name};time-zone=UTC', wait='')
    moment()
    k.restart()
    k.instance_is(i, 'running')
    equal(left(), [], f'{name}: what is left')
    snap = k.ec2.create_snapshot(VolumeId=k.root_volume(i))['SnapshotId']
    eventually('the snapshot', lambda: k.snapshot(snap)['State'] == 'completed')
    true(inspect(snap)['setup']['sealed'], f'{name}: still sealed')
    path = export(snap)
    data = open(path, 'rb').read()
    true(f'<ComputerName>{name}<'.encode() in data, f'{name}: the name is in the answer file')
    os.unlink(path)
    k.store_check()
    k.ec2.terminate_instances(InstanceIds=[i])
    k.ec2.delete_snapshot(SnapshotId=snap)


def test_a_sealed_image_is_there_to_be_prepared():
    k.ec2.terminate_instances(InstanceIds=[t['i']])
    t['sealed'], _ = k.import_disk(make('sealed', '--sealed'), name='sealed', platform='Windows')


def test_prepare_goes_on_after_the_request_was_written():
    prepare_killed('WEB-REQUEST', lambda: appears('run/windows-*.json'))


def test_prepare_goes_on_when_killed_in_the_work():
    prepare_killed('WEB-WORK', lambda: appears('volumes/*/prepare.kiln-journal.new'))


def test_prepare_goes_on_when_killed_in_its_commit():
    prepare_killed('WEB-COMMIT', sealed)


def test_prepare_goes_on_when_its_worker_had_ended_already():
    prepare_killed('WEB-ENDED', lambda: kill_after_the_worker('volumes/*/prepare.kiln-journal.new'))


def test_prepare_goes_on_when_all_processes_are_killed():
    prepare_killed('WEB-ALL', lambda: kill_everything(sealed))


def test_a_worker_of_prepare_that_is_killed_again_and_again_ends_the_instance_and_its_volume():
    i = run_prepared(t['sealed'], 'computer-name=HOPELESS', wait='')
    vol = k.root_volume(i)
    kill_workers(lambda: k.instance(i)['State']['Name'] == 'pending')
    k.instance_is(i, 'terminated')
    why = k.instance(i)['StateReason']['Message']
    true('killed by signal 9' in why, why)
    eventually('the end of its volume', lambda: not os.path.exists(f'{k.home}/volumes/{vol}'))
    equal(left(), [])


def test_the_store_is_clean_and_nothing_runs_on():
    k.store_check()
    k.stop()
    equal(procs_with(k.home), {})


run([v for n, v in list(globals().items()) if n.startswith('test_')])
