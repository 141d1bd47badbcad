import os
import signal
import threading
import time

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.offline.archive.process_pool import ProcessPool, threads_each


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


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
