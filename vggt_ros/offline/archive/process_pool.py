"""Pool of processes for jobs: each keeps its network; one that is killed is replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
import multiprocessing
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
import os
import signal
import threading
import time
from typing import cast

from vggt_ros.errors import ConfigError
from vggt_ros.offline.archive.executor import attempt, Ended, OnEvent, Started, Work
from vggt_ros.offline.archive.job import Job, Outcome

# How long a worker may take to end by itself before it is killed.
_END_S = 5.0
# A fork would inherit a CUDA context that cannot be used, and the threads' locks as they are.
_SPAWN = multiprocessing.get_context('spawn')


class ProcessPool:
    """Does jobs in processes of this machine."""

    def __init__(self, num_workers: int, *, num_threads: int | None = None) -> None:
        """Prepare; processes start with `run`.

        Args:
            num_workers: Processes at a time.
            num_threads: Of linear algebra in each; None for an even share of the cores.

        Raises:
            ConfigError: Fewer than one worker.
        """
        if num_workers < 1:
            raise ConfigError(f'--jobs must be at least 1; got {num_workers}')
        self._num_workers = num_workers
        self._num_threads = num_threads or threads_each(num_workers)
        self._numbers = count(1)

    def run(self, jobs: Sequence[Job], work: Work, on_event: OnEvent) -> None:
        """As `Executor.run`; a worker that ends in mid-job costs one attempt of that job."""
        waiting = deque(jobs)
        workers: list[_Worker] = []
        try:
            while waiting or any(worker.job for worker in workers):
                while self._wants_more(workers, len(waiting)):
                    workers.append(self._started(work))
                for worker in workers:
                    if waiting and worker.job is None and worker.is_ready:
                        worker.begin(waiting.popleft(), on_event)
                for worker in _with_something_to_say(workers):
                    outcome = worker.receive()
                    if not worker.is_alive:
                        workers.remove(worker)
                    job, worker.job = worker.job, None if outcome else worker.job
                    if job and outcome and on_event(Ended(job, outcome)):
                        # Lost: see `Executor.run`.
                        (waiting.append if worker.is_alive else waiting.appendleft)(job)
        finally:
            _end(workers)

    def _wants_more(self, workers: Sequence[_Worker], num_waiting: int) -> bool:
        num_free = sum(worker.job is None for worker in workers)
        return len(workers) < self._num_workers and num_free < num_waiting

    def _started(self, work: Work) -> _Worker:
        with _threads(self._num_threads):
            return _Worker(f'worker {next(self._numbers)}', work)


class _Worker:
    """A process as its parent sees it."""

    def __init__(self, name: str, work: Work) -> None:
        self.name = name
        self.job: Job | None = None
        self.is_ready = False
        self.is_alive = True
        ours, theirs = _SPAWN.Pipe()
        self.connection: Connection = ours
        self.process: BaseProcess = _SPAWN.Process(
            target=_serve, args=(theirs, work, name), name=name, daemon=True
        )
        self.process.start()
        theirs.close()
        self._begun_s = 0.0

    def begin(self, job: Job, on_event: OnEvent) -> None:
        self.job, self._begun_s = job, time.monotonic()
        on_event(Started(job, f'{self.name}, process {self.process.pid}'))
        with suppress(OSError):  # it is gone: `receive` tells
            self.connection.send(job)

    def receive(self) -> Outcome | None:
        """Return the outcome of its job; None if it only said that it is ready."""
        try:
            told = cast('Outcome | None', self.connection.recv())
        except (EOFError, OSError):
            return self._lost()
        self.is_ready = True
        return told

    def _lost(self) -> Outcome:
        self.is_alive = False
        self.process.join(_END_S)
        how = _how_it_ended(self.process.exitcode)
        if not self.is_ready:
            # Not of one job: the next one would not start either.
            raise ConfigError(f'a worker did not start: it {how}; its own message is above')
        self.connection.close()
        return Outcome(
            error=f'the worker {how}',
            seconds=time.monotonic() - self._begun_s,
            worker=f'{self.name}, process {self.process.pid}',
        )


def threads_each(num_workers: int) -> int:
    """Return how many threads each of so many workers has for an even share of the cores."""
    return max(1, len(os.sched_getaffinity(0)) // num_workers)


def _serve(connection: Connection, work: Work, name: str) -> None:
    """Do jobs until there are no more, in the process of a worker."""
    # Ctrl-C reaches every process of the terminal; the parent says what follows of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    name = f'{name}, process {os.getpid()}'
    try:
        connection.send(None)
        while (job := connection.recv()) is not None:
            connection.send(attempt(work, job, name))
    except (EOFError, OSError):
        pass  # the parent is gone
    finally:
        work.close()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _with_something_to_say(workers: Sequence[_Worker]) -> list[_Worker]:
    by_connection = {worker.connection: worker for worker in workers}
    # The end of a process closes its connection, which ends the wait, too.
    return [by_connection[cast(Connection, each)] for each in wait(list(by_connection))]


def _end(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        if worker.job is None and worker.is_ready:
            with suppress(OSError):
                worker.connection.send(None)
        else:
            worker.process.terminate()
    limit_s = time.monotonic() + _END_S
    for worker in workers:
        worker.process.join(max(0.0, limit_s - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.connection.close()


def _how_it_ended(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f'ended with code {exitcode}'
    name = signal.Signals(-exitcode).name
    hint = ' (out of memory?)' if name == 'SIGKILL' else ''
    return f'was ended by {name}{hint}'


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Let processes that start meanwhile use so many threads, unless the user said otherwise."""
    if 'OMP_NUM_THREADS' in os.environ:
        yield
        return
    os.environ['OMP_NUM_THREADS'] = str(number)
    try:
        yield
    finally:
        del os.environ['OMP_NUM_THREADS']
