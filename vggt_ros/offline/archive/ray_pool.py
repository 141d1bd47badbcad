"""Pool of Ray actors for jobs, on one machine or many; an actor that is lost is replaced.

Recordings and results are on storage that all machines share; only paths and summaries go through
Ray. Jobs are given to actors that run already, so that one that finds no room holds nothing up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
import logging
import os
import socket
import time
from typing import Any

from vggt_ros.errors import ConfigError
from vggt_ros.offline.archive.executor import attempt, Ended, OnEvent, Started, Work
from vggt_ros.offline.archive.job import Job, Outcome

LOCAL = 'local'
# How often the cluster is asked whether it has room for more actors.
_POLL_S = 5.0
_PATIENCE_S = 60.0
# Actors that end one after the other before they were ready.
_MAX_BAD_STARTS = 3
_log = logging.getLogger(__name__)


class RayPool:
    """Does jobs on a Ray cluster."""

    def __init__(self, address: str, *, gpus_per_job: float = 0.0, cpus_per_job: int = 1) -> None:
        """Prepare; the cluster is connected to by `run`.

        Args:
            address: `local` for one that lives as long as `run`, `auto`, or `HOST:PORT`.
            gpus_per_job: Share of a GPU, or number of them, that a job holds. Shares are for
                scheduling: they do not bound the memory.
            cpus_per_job: Cores that a job holds; its linear algebra uses so many threads.

        Raises:
            ConfigError: A number is out of range, or Ray is not installed.
        """
        if gpus_per_job < 0 or cpus_per_job < 0 or gpus_per_job + cpus_per_job <= 0:
            raise ConfigError(
                f'--gpus-per-job and --cpus-per-job must be at least 0, and one of them above; '
                f'got {gpus_per_job:g} and {cpus_per_job}'
            )
        self._ray = imported_ray()
        self._address = address
        self._needs = {'num_gpus': gpus_per_job, 'num_cpus': cpus_per_job}

    def run(self, jobs: Sequence[Job], work: Work, on_event: OnEvent) -> None:
        """As `Executor.run`; an actor that is lost costs one attempt of its job.

        Raises:
            ConfigError: There is no cluster at the address, or actors do not start.
            KeyboardInterrupt: It was ended.
        """
        if not jobs:
            return
        ray = self._ray
        is_ours = not ray.is_initialized()
        if is_ours:
            self._connect()
        try:
            _Run(ray, self._needs, work, on_event).until_done(jobs)
        finally:
            if is_ours:
                ray.shutdown()

    def _connect(self) -> None:
        options: dict[str, Any] = {'log_to_driver': False, 'configure_logging': False}
        if self._address == LOCAL:
            # The dashboard is a server that lets whoever reaches it run programs.
            options['include_dashboard'] = False
        try:
            self._ray.init(address=self._address, **options)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f'there is no Ray cluster at {self._address} ({error}); start one (`ray start '
                f'--head`), or give --ray {LOCAL}'
            ) from error


def imported_ray() -> Any:
    """Return the module `ray`.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            "--ray needs Ray, which is not installed: `pip install 'vggt_ros[ray]'`, or use "
            '--jobs for processes of this machine'
        ) from error
    return ray


class _Serve:
    """What an actor is: one that does jobs, one at a time."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def name(self) -> str:
        return f'{socket.gethostname()}, process {os.getpid()}'

    def do(self, job: Job) -> Outcome:
        return attempt(self._work, job, self.name())


class _Run:
    """The actors of one run, and which job each has."""

    def __init__(self, ray: Any, needs: dict[str, float], work: Work, on_event: OnEvent) -> None:
        self._ray = ray
        self._on_event = on_event
        self._needs = needs
        # Attempts are counted and noted here: Ray repeats nothing by itself.
        self._make = ray.remote(**needs, max_restarts=0, max_task_retries=0)(_Serve).remote
        self._work = ray.put(work)
        self._starting: dict[Any, Any] = {}
        self._free: list[tuple[Any, str]] = []
        self._busy: dict[Any, tuple[Any, str, Job, float]] = {}
        self._num_bad_starts = 0
        self._waits_since_s = time.monotonic()

    def until_done(self, jobs: Sequence[Job]) -> None:
        waiting = deque(jobs)
        try:
            while waiting or self._busy:
                self._start_actors(len(waiting))
                while waiting and self._free:
                    self._begin(waiting.popleft())
                ready, _ = self._ray.wait(
                    [*self._busy, *self._starting], num_returns=1, timeout=_POLL_S
                )
                for ref in ready:
                    if ref in self._starting:
                        self._join(ref)
                    else:
                        self._end(ref, waiting)
                self._tell_if_nothing_runs()
        finally:
            actors = [*self._starting.values(), *(each[0] for each in self._free)]
            for actor in [*actors, *(each[0] for each in self._busy.values())]:
                self._ray.kill(actor, no_restart=True)

    def _start_actors(self, num_waiting: int) -> None:
        """Start as many actors as there is room for; one at least, which waits for room."""
        num_actors = len(self._starting) + len(self._free) + len(self._busy)
        num_idle = len(self._starting) + len(self._free)
        room = max(1, capacity(self._ray.cluster_resources(), self._needs))
        for _ in range(min(room - num_actors, num_waiting - num_idle)):
            actor = self._make(self._work)
            self._starting[actor.name.remote()] = actor

    def _join(self, ref: Any) -> None:
        actor = self._starting.pop(ref)
        try:
            name = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            self._num_bad_starts += 1
            if self._num_bad_starts >= _MAX_BAD_STARTS:
                raise ConfigError(
                    f'{_MAX_BAD_STARTS} actors did not start: {_first_line(error)}; every machine '
                    f'of the cluster needs the same vggt_ros, Ray and Python'
                ) from error
            return
        self._num_bad_starts = 0
        self._free.append((actor, name))

    def _begin(self, job: Job) -> None:
        actor, name = self._free.pop()
        self._on_event(Started(job, name))
        self._busy[actor.do.remote(job)] = (actor, name, job, time.monotonic())

    def _end(self, ref: Any, waiting: deque[Job]) -> None:
        actor, name, job, begun_s = self._busy.pop(ref)
        try_again = waiting.append
        try:
            outcome = self._ray.get(ref)
            self._free.append((actor, name))
        except self._ray.exceptions.RayError as error:
            # If only the connection is lost, it must not go on beside the one that follows.
            self._ray.kill(actor, no_restart=True)
            try_again = waiting.appendleft  # see `Executor.run`
            outcome = Outcome(
                error=f'the worker was lost: {_first_line(error)}',
                seconds=time.monotonic() - begun_s,
                worker=name,
            )
        if self._on_event(Ended(job, outcome)):
            try_again(job)

    def _tell_if_nothing_runs(self) -> None:
        now_s = time.monotonic()
        if self._busy or self._free:
            self._waits_since_s = now_s
        elif now_s - self._waits_since_s > _PATIENCE_S:
            self._waits_since_s = now_s
            _log.warning(
                'the cluster has no room for a job of %(num_gpus)g GPUs and %(num_cpus)g cores; '
                'waiting for it',
                self._needs,
            )


def capacity(resources: dict[str, float], needs: dict[str, float]) -> int:
    """Return how many jobs a cluster may hold at a time, if no machine is left with a rest.

    Args:
        resources: Of the cluster, as Ray names them.
        needs: Of one job: `num_gpus`, `num_cpus`.
    """
    pairs = (('GPU', 'num_gpus'), ('CPU', 'num_cpus'))
    limits = [
        int(resources.get(name, 0.0) / needs[key] + 1e-9) for name, key in pairs if needs[key]
    ]
    return min(limits)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition('\n')[0]
