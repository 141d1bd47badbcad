from importlib import import_module
import os
from pathlib import Path
import threading
import time
import warnings

import pytest

from vggt_ros.offline.archive.job import Job

ROOT = Path(__file__).parents[3]
# Not 127.0.0.1, which Ray takes for the machine's name and replaces by its outer address.
LOOPBACK = '127.0.0.2'


@pytest.fixture
def stubs(monkeypatch):
    """The module of stub work, importable in processes that start from here, too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return import_module('stub_work')


@pytest.fixture
def stub(stubs, tmp_path):
    return Noted(stubs.StubWork(tmp_path))


class Noted:
    """Stub work, and what became of it."""

    def __init__(self, work):
        self.work, self.folder = work, work.folder

    def lines(self, name):
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    @property
    def results(self):
        return sorted(self.lines('results'))

    @property
    def attempts(self):
        return sorted(line.split()[0] for line in self.lines('attempts'))

    def when_begun(self, name, act):
        """Call `act(pid)` from a thread as soon as a job is worked on."""
        path = self.folder / f'{name}.begun'

        def wait():
            limit_s = time.monotonic() + 30.0
            while not (path.exists() and path.read_text()):
                assert time.monotonic() < limit_s
                time.sleep(0.01)
            act(int(path.read_text()))

        thread = threading.Thread(target=wait)
        thread.start()
        return thread


@pytest.fixture
def jobs_named():
    return lambda *names: [job_named(name) for name in names]


def job_named(name, num_bytes=1):
    return Job(id=f'{name:0>8}', name=name, path=f'/in/{name}', num_bytes=num_bytes)


class Events:
    """What an executor said; a job is tried again as long as it may be."""

    def __init__(self, max_attempts=2):
        self.max_attempts = max_attempts
        self.started, self.ended = [], {}

    def __call__(self, event):
        if not hasattr(event, 'outcome'):
            self.started.append(event.job.name)
            return False
        outcomes = self.ended.setdefault(event.job.name, [])
        outcomes.append(event.outcome)
        outcome = event.outcome
        is_over = not outcome.error or outcome.is_final
        return not is_over and len(outcomes) < self.max_attempts


@pytest.fixture
def events():
    return Events()


@pytest.fixture(scope='session')
def cluster():
    """Two machines of a Ray cluster, as processes here on loopback."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        ray = pytest.importorskip('ray', reason="needs Ray: pip install 'vggt_ros[ray]'")
        Cluster = import_module('ray.cluster_utils').Cluster
        before = {name: os.environ.get(name) for name in ('PYTHONPATH', 'RAY_USAGE_STATS_ENABLED')}
        paths = [str(ROOT), str(Path(__file__).parent), before['PYTHONPATH'] or '']
        os.environ |= {'PYTHONPATH': os.pathsep.join(paths), 'RAY_USAGE_STATS_ENABLED': '0'}
        machine = {'num_cpus': 1, 'object_store_memory': 80 << 20, 'node_ip_address': LOOPBACK}
        cluster = Cluster(
            initialize_head=True, head_node_args=machine | {'include_dashboard': False}
        )
        cluster.second = cluster.add_node(**machine)
        ray.init(
            address=cluster.address,
            log_to_driver=False,
            configure_logging=False,
            _node_ip_address=LOOPBACK,
        )
        yield cluster
        ray.shutdown()
        cluster.shutdown()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
