import os
import signal
import sys

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.offline.archive.ray_pool import capacity, RayPool


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore')
def test_actors_of_two_machines_do_all_and_a_lost_one_costs_an_attempt(
    cluster, stub, events, jobs_named
):
    killer = stub.when_begun('hang', lambda pid: os.kill(pid, signal.SIGKILL))
    names = ['hang', *(f'a{i}' for i in range(6)), 'raise', 'bad']
    RayPool(cluster.address).run(jobs_named(*names), stub.work, events)
    killer.join()
    assert stub.results == sorted(set(names) - {'raise', 'bad'})
    assert stub.attempts == sorted([*names, 'hang', 'raise'])
    lost, done = events.ended['hang']
    assert 'the worker was lost' in lost.error
    assert not done.error
    assert 'RuntimeError: raise' in events.ended['raise'][0].error
    pids = {line.split()[1] for line in stub.lines('attempts')}
    assert 2 <= len(pids) <= 3


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore')
def test_ctrl_c_ends_the_actors(cluster, stub, events, jobs_named):
    thread = stub.when_begun('hang', lambda pid: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        RayPool(cluster.address).run(jobs_named('hang'), stub.work, events)
    thread.join()
    assert stub.results == []


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore')
def test_a_machine_that_is_lost_costs_an_attempt_of_its_job(cluster, stub, events, jobs_named):
    def lose(pid):
        cluster.remove_node(cluster.second, allow_graceful=False)

    names = ['hang-one', 'hang-two']
    threads = []

    def lose_the_second(pid):
        # Each machine holds one of the jobs that hang; the one of the first is ended, too.
        threads.append(stub.when_begun('hang-two', lambda other: (lose(other), end(pid, other))))

    def end(*pids):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    thread = stub.when_begun('hang-one', lose_the_second)
    RayPool(cluster.address).run(jobs_named(*names), stub.work, events)
    thread.join()
    threads[0].join()
    assert stub.results == names
    assert stub.attempts == sorted(names * 2)
    assert all('the worker was lost' in outcomes[0].error for outcomes in events.ended.values())


def test_without_ray_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(ConfigError, match=r'pip install .vggt_ros\[ray\]'):
        RayPool('auto')


def test_a_job_that_needs_nothing_is_refused():
    with pytest.raises(ConfigError, match='got 0 and 0'):
        RayPool('auto', gpus_per_job=0.0, cpus_per_job=0)
    with pytest.raises(ConfigError, match='got -1 and 1'):
        RayPool('auto', gpus_per_job=-1.0)


@pytest.mark.parametrize(
    ('gpus', 'cpus', 'number'), [(0.5, 1.0, 8), (1.0, 8.0, 4), (0.0, 3.0, 10), (0.0, 64.0, 0)]
)
def test_a_cluster_holds_so_many_jobs(gpus, cpus, number):
    resources = {'GPU': 4.0, 'CPU': 32.0, 'memory': 1e9}
    assert capacity(resources, {'num_gpus': gpus, 'num_cpus': cpus}) == number
