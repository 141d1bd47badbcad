import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.offline.archive.process_pool import ProcessPool, threads_each

ROOT = Path(__file__).parents[3]
PARENT = """
import sys
from stub_work import StubWork
from vggt_ros.offline.archive.job import Job
from vggt_ros.offline.archive.process_pool import ProcessPool

if __name__ == '__main__':
    job = Job(id='0', name='hang', path='', num_bytes=0)
    ProcessPool(1).run([job], StubWork(sys.argv[1]), print)
"""


def is_alive(pid):
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != 'Z'  # not every first process of a container collects those


def test_a_worker_that_is_killed_in_mid_job_costs_one_attempt(stub, events, jobs_named):
    killer = stub.when_begun('hang', lambda pid: os.kill(pid, signal.SIGKILL))
    names = ['hang', *(f'a{i}' for i in range(6)), 'raise', 'bad']
    ProcessPool(2).run(jobs_named(*names), stub.work, events)
    killer.join()
    assert stub.results == sorted(set(names) - {'raise', 'bad'})
    assert stub.attempts == sorted([*names, 'hang', 'raise'])
    lost, done = events.ended['hang']
    assert 'the worker was ended by SIGKILL (out of memory?)' in lost.error
    assert not done.error
    pids = {line.split()[1] for line in stub.lines('attempts')}
    assert len(pids) <= 3
    assert str(os.getpid()) not in pids
    assert not any(is_alive(int(pid)) for pid in pids)


def test_a_job_whose_worker_was_lost_is_the_next_and_one_that_failed_the_last(
    stub, events, jobs_named
):
    killer = stub.when_begun('hang', lambda pid: os.kill(pid, signal.SIGKILL))
    ProcessPool(1).run(jobs_named('raise', 'hang', 'a'), stub.work, events)
    killer.join()
    assert events.started == ['raise', 'hang', 'hang', 'a', 'raise']


def test_ctrl_c_ends_the_workers(stub, events, jobs_named):
    def interrupt(pid):
        os.kill(os.getpid(), signal.SIGINT)

    thread = stub.when_begun('hang', interrupt)
    begin_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ProcessPool(1).run(jobs_named('hang', 'a'), stub.work, events)
    thread.join()
    assert time.monotonic() - begin_s < 20.0
    assert stub.results == []
    assert not is_alive(int(stub.lines('attempts')[0].split()[1]))


def test_workers_end_with_their_parent_however_that_ends(tmp_path):
    (tmp_path / 'parent.py').write_text(PARENT)
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    words = [sys.executable, str(tmp_path / 'parent.py'), str(tmp_path)]
    begun = tmp_path / 'hang.begun'
    with subprocess.Popen(
        words, env=os.environ | {'PYTHONPATH': paths}, stdout=subprocess.DEVNULL
    ) as parent:
        while not (begun.exists() and begun.read_text()):
            assert parent.poll() is None
            time.sleep(0.01)
        parent.kill()
    pid = int(begun.read_text())
    limit_s = time.monotonic() + 20.0
    while is_alive(pid):
        assert time.monotonic() < limit_s
        time.sleep(0.01)


def test_work_that_no_process_can_begin_is_told(stubs, events, jobs_named, tmp_path):
    with pytest.raises(ConfigError, match='did not start: it ended with code 7'):
        ProcessPool(1).run(jobs_named('a'), stubs.NeverStarts(tmp_path), events)


def test_no_more_processes_start_than_there_are_jobs(stub, events, jobs_named):
    before = threading.active_count()
    ProcessPool(8).run(jobs_named('a'), stub.work, events)
    assert len(stub.lines('closed')) == 1
    assert threading.active_count() == before
    assert 'OMP_NUM_THREADS' not in os.environ or os.environ['OMP_NUM_THREADS'] != '0'


def test_cores_are_shared_evenly():
    num_cores = len(os.sched_getaffinity(0))
    assert threads_each(1) == num_cores
    assert threads_each(10 * num_cores) == 1


def test_no_worker_at_all_is_refused():
    with pytest.raises(ConfigError, match='--jobs must be at least 1; got 0'):
        ProcessPool(0)
