"""Job of an archive: one recording that becomes one folder, known by what goes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import Any

from vggt_ros.errors import SourceError
from vggt_ros.offline.input_identity import input_identity

_ID_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One recording to map.

    Attributes:
        id: Hexadecimal digits; the same for the same input, name and settings, wherever the
            recording lies.
        name: For people; the first part of the folder's name.
        path: The recording.
        num_bytes: Of its files; 0 if they cannot be read.
    """

    id: str
    name: str
    path: str
    num_bytes: int

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
        id=hashlib.sha256(told.encode('utf-8', 'surrogateescape')).hexdigest()[:_ID_DIGITS],
        name=name,
        path=str(path.absolute()),
        num_bytes=int(identity['num_bytes']),
    )
