"""Manifest of an archive: what became of each job, as lines of JSON that outlive a crash.

A line is written and synced at every change of a job's state, and the newest line of a job holds.
What a crash left of the last line is cut off; a file of many outdated lines is written anew beside
it and renamed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
import fcntl
import json
import os
from pathlib import Path
import re
import time
from typing import Any

from vggt_ros.errors import ConfigError, SaveError
from vggt_ros.offline.archive.job import Job, Outcome

FILE = 'manifest.jsonl'
PENDING, RUNNING, DONE, FAILED = STATES = 'pending', 'running', 'done', 'failed'
# So many lines for each job, and some more, before the file is written anew.
_MAX_LINES_PER_JOB, _FREE_LINES = 4, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """What is known of one job.

    Attributes:
        id: Of the job.
        name: Of the job.
        path: Of its recording.
        state: One of `STATES`.
        attempts: Attempts that were begun.
        seconds: Wall time of the last attempt.
        num_frames: Frames that it read.
        error: Why the last attempt gave nothing; empty if it did, or is not over.
        missing: Sentences on parts of the result that are missing.
        worker: Who did it.
        changed_s: When the state changed, seconds since the epoch.
    """

    id: str
    name: str
    path: str
    state: str = PENDING
    attempts: int = 0
    seconds: float = 0.0
    num_frames: int = 0
    error: str = ''
    missing: tuple[str, ...] = ()
    worker: str = ''
    changed_s: float = 0.0


class Manifest:
    """The records of all jobs, in memory and in a file; one process at a time has it open."""

    def __init__(self, folder: Path) -> None:
        """Read what earlier runs left; a job that was running is pending again.

        Args:
            folder: Of the archive; made if it is not there.

        Raises:
            ConfigError: Another process has it open.
            SaveError: The file is damaged before its last line, or the folder cannot be written.
        """
        self.path = folder / FILE
        self._descriptor = -1
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = _locked(folder)
            text = self.path.read_bytes() if self.path.exists() else b''
            self._records, num_bytes = read_records(text, self.path)
            self._num_lines = text.count(b'\n')
            self._file = self.path.open('ab')
            self._file.truncate(num_bytes)
            if num_bytes and text[num_bytes - 1 : num_bytes] != b'\n':
                self._file.write(b'\n')
        except OSError as error:
            self._unlock()
            raise _unwritable(self.path, error) from error
        except SaveError:
            self._unlock()
            raise
        for record in list(self._records.values()):
            if record.state == RUNNING:
                self._put(replace(record, state=PENDING, error='the run ended before it did'))

    def of(self, job: Job) -> JobRecord:
        """Return what is known of a job; a new one is pending."""
        found = self._records.get(job.id)
        return found or JobRecord(id=job.id, name=job.name, path=job.path)

    def begin(self, job: Job, worker: str = '') -> None:
        """Note that an attempt began."""
        old = self.of(job)
        self._put(
            replace(
                old, path=job.path, state=RUNNING, attempts=old.attempts + 1, error='',
                worker=worker,
            )
        )  # fmt: skip

    def end(self, job: Job, outcome: Outcome, *, again: bool) -> None:
        """Note how an attempt ended.

        Args:
            job: The job.
            outcome: How.
            again: Whether another attempt will follow.
        """
        failed = PENDING if again else FAILED
        self._put(
            replace(
                self.of(job),
                state=failed if outcome.error else DONE,
                seconds=round(outcome.seconds, 3),
                num_frames=outcome.num_frames,
                error=outcome.error,
                missing=tuple(outcome.missing),
                worker=outcome.worker or self.of(job).worker,
            )
        )

    def give_back(self, job: Job) -> None:
        """Note that an attempt was ended from outside; it does not count."""
        old = self.of(job)
        self._put(replace(old, state=PENDING, attempts=max(0, old.attempts - 1)))

    def forget(self, job: Job) -> None:
        """Note that a job is to be done as if it had never been tried."""
        self._put(JobRecord(id=job.id, name=job.name, path=job.path))

    def close(self) -> None:
        """Close the file; again is harmless."""
        self._file.close()
        self._unlock()

    def _put(self, record: JobRecord) -> None:
        record = replace(record, changed_s=round(time.time(), 3))
        self._records[record.id] = record
        try:
            if self._num_lines > _MAX_LINES_PER_JOB * len(self._records) + _FREE_LINES:
                self._write_anew()
                return
            self._file.write(_line(record))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._num_lines += 1

    def _write_anew(self) -> None:
        fresh = self.path.with_suffix('.new')
        with fresh.open('wb') as file:
            file.writelines(_line(record) for record in self._records.values())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        os.fsync(self._descriptor)
        self._file.close()
        self._file = self.path.open('ab')
        self._num_lines = len(self._records)

    def _unlock(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read_records(text: bytes, path: Path) -> tuple[dict[str, JobRecord], int]:
    """Return the newest record of each job, and how many bytes of `text` are good.

    Args:
        text: Of a manifest; its last line may be torn.
        path: For the message.

    Raises:
        SaveError: Another line than the last cannot be read.
    """
    records: dict[str, JobRecord] = {}
    begin = 0
    lines = re.findall(rb'[^\n]*\n|[^\n]+', text)
    for number, line in enumerate(lines, 1):
        record = _record(line)
        if record is not None:
            records[record.id] = record
        elif number == len(lines):
            break
        else:
            raise SaveError(
                f'line {number} of {path} is damaged: {line[:60]!r}; remove it: a job whose '
                f'folder is there is not done again'
            )
        begin += len(line)
    return records, begin


def _line(record: JobRecord) -> bytes:
    return json.dumps(asdict(record), sort_keys=True).encode() + b'\n'


def _record(line: bytes) -> JobRecord | None:
    try:
        told: Any = json.loads(line)
        record = JobRecord(**(told | {'missing': tuple(told['missing'])}))
    except (ValueError, TypeError, KeyError):
        return None
    return record if record.state in STATES else None


def _locked(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigError(
            f'another run works on the archive {folder}; wait for it, or give another --out'
        ) from error
    return descriptor


def _unwritable(path: Path, error: OSError) -> SaveError:
    return SaveError(
        f'{path} cannot be written ({error.strerror or error}); make room or choose another '
        f'--out, and give the same command again'
    )
