"""Executor of jobs: the protocol of all of them, and the one that works in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
import time
from typing import Protocol, runtime_checkable

from vggt_ros.offline.archive.job import Job, Outcome


@dataclass(frozen=True, slots=True)
class Started:
    """An attempt at a job began."""

    job: Job
    worker: str


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt at a job is over."""

    job: Job
    outcome: Outcome


Event = Started | Ended
# Answers whether the job that ended is to be tried again; called in the thread of `run`.
OnEvent = Callable[[Event], bool]


@runtime_checkable
class Work(Protocol):
    """A job's work; pickled once for each worker, which keeps it for all of its jobs."""

    def __call__(self, job: Job) -> Outcome:
        """Do it. What it raises is a failure that another attempt may not have."""
        ...

    def close(self) -> None:
        """Let go of what was kept between jobs; again is harmless."""
        ...


@runtime_checkable
class Executor(Protocol):
    """Does jobs somewhere."""

    def run(self, jobs: Sequence[Job], work: Work, on_event: OnEvent) -> None:
        """Do all jobs; return when each ended and was not to be tried again.

        Args:
            jobs: In the order in which they are begun. One that failed is tried again after the
                others; one whose worker was lost is the next, as a long one that comes last would
                keep the others waiting for the end.
            work: What is done.
            on_event: Told of every attempt, one at a time.

        Raises:
            KeyboardInterrupt: It was ended; no job is worked on any more.
        """
        ...


class InProcess:
    """Does one job after the other in this process."""

    def run(self, jobs: Sequence[Job], work: Work, on_event: OnEvent) -> None:
        """As `Executor.run`."""
        waiting = deque(jobs)
        try:
            while waiting:
                job = waiting.popleft()
                on_event(Started(job, ''))
                if on_event(Ended(job, attempt(work, job))):
                    waiting.append(job)
        finally:
            work.close()


def attempt(work: Work, job: Job, worker: str = '') -> Outcome:
    """Try a job once; what it raises becomes the outcome."""
    begin_s = time.monotonic()
    try:
        outcome = work(job)
    except Exception as error:  # noqa: BLE001 - one bad recording must not end the archive
        outcome = Outcome(error=f'{type(error).__name__}: {error}')
    return replace(outcome, seconds=time.monotonic() - begin_s, worker=worker)
