"""Run of an archive: every job is brought to an end, and what became of each is noted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import logging

from vggt_ros.errors import ConfigError
from vggt_ros.offline.archive.executor import Ended, Event, Executor, Started, Work
from vggt_ros.offline.archive.job import Job, Outcome
from vggt_ros.offline.archive.manifest import DONE, FAILED, JobRecord, Manifest

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveReport:
    """What became of the jobs that were asked for.

    Attributes:
        records: Of each job, in the order given.
        num_known: Jobs that an earlier run had done.
    """

    records: tuple[JobRecord, ...]
    num_known: int

    @property
    def num_done(self) -> int:
        """Jobs with a result."""
        return sum(record.state == DONE for record in self.records)

    @property
    def is_whole(self) -> bool:
        """Whether every job has a result, and every result all of its parts."""
        return all(record.state == DONE and not record.missing for record in self.records)

    def with_others(self, others: ArchiveReport) -> ArchiveReport:
        """Return what became of the jobs of two runs."""
        return ArchiveReport(
            records=self.records + others.records, num_known=self.num_known + others.num_known
        )

    def lines(self) -> list[str]:
        """Return a table for people, and the reason of each failure."""
        width = max([4, *(len(record.name) for record in self.records)])
        lines = [f'{"name":<{width}}  state    tries  seconds  frames']
        for record in self.records:
            lines.append(
                f'{record.name:<{width}}  {record.state:<7}  {record.attempts:>5}  '
                f'{record.seconds:>7.1f}  {record.num_frames:>6}'
            )
            lines += [f'  {each}' for each in ([record.error] if record.error else record.missing)]
        lines.append(
            f'{self.num_done} of {len(self.records)} done, {self.num_known} of them before'
        )
        return lines


def run_archive(
    jobs: Sequence[Job],
    work: Work,
    executor: Executor,
    manifest: Manifest,
    *,
    is_done: Callable[[Job], bool],
    max_attempts: int = 3,
    retry_failed: bool = False,
) -> ArchiveReport:
    """Do all jobs that are not done.

    Args:
        jobs: Two with one id are one.
        work: What is done.
        executor: Where.
        manifest: What earlier runs left, and what this one adds.
        is_done: Whether the result of a job is there. It overrules the manifest: a result that
            was removed is made again, and one that is there is not.
        max_attempts: How often a job is begun before it counts as failed, over all runs.
        retry_failed: Begin anew with those that failed.

    Raises:
        ConfigError: Fewer than one attempt.
        KeyboardInterrupt: It was ended; the manifest says what is left.
    """
    if max_attempts < 1:
        raise ConfigError(f'--attempts must be at least 1; got {max_attempts}')
    jobs = list({job.id: job for job in jobs}.values())
    known = [job for job in jobs if _is_known(job, manifest, is_done)]
    known_ids = {job.id for job in known}
    rest = [job for job in jobs if job.id not in known_ids]
    wanted = [job for job in rest if _is_wanted(job, manifest, max_attempts, anew=retry_failed)]
    # Long ones first: a long one that is begun last keeps the others waiting for the end.
    wanted.sort(key=lambda job: -job.num_bytes)
    progress = _Progress(manifest, max_attempts, len(jobs), len(jobs) - len(wanted))
    try:
        executor.run(wanted, work, progress)
    finally:
        progress.give_back()
    records = tuple(manifest.of(job) for job in jobs)
    return ArchiveReport(records=records, num_known=len(known))


class _Progress:
    """Notes events in the manifest, decides on retries and tells people."""

    def __init__(
        self, manifest: Manifest, max_attempts: int, num_jobs: int, num_over: int
    ) -> None:
        self._manifest = manifest
        self._max_attempts = max_attempts
        self._num_jobs = num_jobs
        self._num_over = num_over
        self._running: dict[str, Job] = {}

    def __call__(self, event: Event) -> bool:
        job = event.job
        if isinstance(event, Started):
            self._running[job.id] = job
            self._manifest.begin(job, event.worker)
            return False
        del self._running[job.id]
        again = self._is_tried_again(event)
        self._manifest.end(job, event.outcome, again=again)
        self._num_over += not again
        _log.info('[%d/%d] %s: %s', self._num_over, self._num_jobs, job.name, _told(event, again))
        return again

    def give_back(self) -> None:
        """Note that what is still running was ended from outside."""
        for job in self._running.values():
            self._manifest.give_back(job)
        self._running.clear()

    def _is_tried_again(self, event: Ended) -> bool:
        outcome = event.outcome
        attempts = self._manifest.of(event.job).attempts
        return bool(outcome.error) and not outcome.is_final and attempts < self._max_attempts


def _told(event: Ended, again: bool) -> str:
    outcome = event.outcome
    if outcome.error:
        return f'{outcome.error}; {"it will be tried again" if again else "failed"}'
    return f'done in {outcome.seconds:.1f} s' + ''.join(f'; {each}' for each in outcome.missing)


def _is_known(job: Job, manifest: Manifest, is_done: Callable[[Job], bool]) -> bool:
    """Return whether a job needs nothing any more; bring the manifest to what is there."""
    record = manifest.of(job)
    if is_done(job):
        if record.state != DONE:
            # The folder got its name, and the note about it was lost in a crash.
            manifest.end(job, Outcome(seconds=record.seconds), again=False)
        return True
    if record.state == DONE:
        manifest.forget(job)
    return False


def _is_wanted(job: Job, manifest: Manifest, max_attempts: int, *, anew: bool) -> bool:
    record = manifest.of(job)
    if record.state == FAILED or record.attempts >= max_attempts:
        if anew:
            manifest.forget(job)
        elif record.state != FAILED:
            manifest.end(job, Outcome(error=record.error or 'no attempt is left'), again=False)
        return anew
    return True
