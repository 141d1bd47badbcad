"""Job of an archive: one recording that becomes one folder, known by what goes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import Any

from vggt_ros.errors import SourceError
from vggt_ros.offline.input_identity import input_identity
from vggt_ros.offline.shards.cutting import FrameRange

_ID_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOf:
    """A shard of a long recording.

    Attributes:
        number: Which one, from 0.
        frames: Its frames.
        is_last: Whether it takes all frames that are left: the number of a video's is a promise.
        whole: Folder of the joined map.
    """

    number: int
    frames: FrameRange
    is_last: bool
    whole: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One recording to map.

    Attributes:
        id: Hexadecimal digits; the same for the same input, name and settings, wherever the
            recording lies.
        name: For people; the first part of the folder's name.
        path: The recording.
        num_bytes: Of its files; 0 if they cannot be read.
        shard: Which part of the recording it is; None for all of it.
    """

    id: str
    name: str
    path: str
    num_bytes: int
    shard: ShardOf | None = None

    @property
    def folder(self) -> str:
        """Name of the folder that it becomes."""
        return f'{self.name}-{self.id}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt at a job.

    Attributes:
        error: Why there is no result; empty if there is one.
        is_final: Whether another attempt would fail alike, as with a file that is no recording.
        missing: Sentences on parts of the result that are missing.
        seconds: Wall time of the attempt.
        num_frames: Frames that were read.
        worker: Who did it.
    """

    error: str = ''
    is_final: bool = False
    missing: tuple[str, ...] = ()
    seconds: float = 0.0
    num_frames: int = 0
    worker: str = ''


def make_job(path: Path, settings: Mapping[str, Any]) -> Job:
    """Return the job for a recording; one that cannot be read is a job, too, and will fail.

    Args:
        path: The recording.
        settings: All that the result depends on beside the input, as JSON has it.
    """
    try:
        identity = input_identity(path)
    except SourceError as error:
        identity = {'num_bytes': 0, 'unreadable': str(error)}
    name = path.absolute().name or 'map'
    told = json.dumps([identity, name, settings], sort_keys=True)
    return Job(
        id=_digits(told),
        name=name,
        path=str(path.absolute()),
        num_bytes=int(identity['num_bytes']),
    )


def shard_jobs(whole: Job, shards: Sequence[FrameRange]) -> tuple[Job, ...]:
    """Return a job for each shard of a recording.

    Args:
        whole: The job of the joined map.
        shards: Of `cutting.cut`, two at least.
    """
    num_frames = sum(each.count for each in shards)
    return tuple(
        Job(
            id=_digits(f'{whole.id} {number} {frames.first} {frames.count}'),
            name=f'{whole.name}.shard-{number + 1}-of-{len(shards)}',
            path=whole.path,
            num_bytes=whole.num_bytes * frames.count // max(num_frames, 1),
            shard=ShardOf(
                number=number,
                frames=frames,
                is_last=number == len(shards) - 1,
                whole=whole.folder,
            ),
        )
        for number, frames in enumerate(shards)
    )


def _digits(told: str) -> str:
    return hashlib.sha256(told.encode('utf-8', 'surrogateescape')).hexdigest()[:_ID_DIGITS]
