"""Shard plan: which recordings are cut, into which jobs, and what is joined in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import logging
from pathlib import Path
from typing import Any

from vggt_ros.errors import SourceError
from vggt_ros.offline.archive.job import Job, make_job, shard_jobs
from vggt_ros.offline.shards.cutting import cut, FrameRange
from vggt_ros.settings.config import VggtConfig
from vggt_ros.sources.detection import open_sequence

_log = logging.getLogger(__name__)
# Frames that a keyframe stands for, for the overlap: a window of keyframes is shared.
_FRAMES_PER_KEYFRAME = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """What is done with recordings.

    Attributes:
        jobs: Recordings that are not cut, and shards of the others.
        joins: Of each recording that is cut the job of the whole, and its shards.
    """

    jobs: tuple[Job, ...]
    joins: Mapping[Job, tuple[Job, ...]]


def shard_plan(
    paths: Sequence[Path],
    settings: Mapping[str, Any],
    opening: Mapping[str, Any],
    *,
    shard_frames: int | None,
    overlap_frames: int,
) -> ShardPlan:
    """Return the jobs for recordings.

    Args:
        paths: The recordings.
        settings: Of `make_job`.
        opening: Arguments of `open_sequence`.
        shard_frames: Frames of a shard, about; None to cut nothing.
        overlap_frames: Of two shards.

    Raises:
        ConfigError: Shards would hardly have frames of their own.
    """
    jobs: list[Job] = []
    joins: dict[Job, tuple[Job, ...]] = {}
    for path in paths:
        shards = _shards(path, opening, shard_frames, overlap_frames)
        if len(shards) < 2:
            jobs.append(make_job(path, settings))
            continue
        cut_by = {'shard_frames': shard_frames, 'shard_overlap': overlap_frames}
        whole = make_job(path, {**settings, **cut_by})
        joins[whole] = shard_jobs(whole, shards)
        jobs += joins[whole]
    return ShardPlan(jobs=tuple(jobs), joins=joins)


def usual_overlap(config: VggtConfig) -> int:
    """Return frames in which a window of keyframes should be: ten for each of them."""
    return _FRAMES_PER_KEYFRAME * config.window.size


def _shards(
    path: Path, opening: Mapping[str, Any], shard_frames: int | None, overlap_frames: int
) -> tuple[FrameRange, ...]:
    if shard_frames is None:
        return ()
    cut(shard_frames, shard_frames, overlap_frames)  # refuses what no recording could be cut by
    try:
        sequence = open_sequence(path, **opening)
    except SourceError:
        return ()  # its job will fail, and say why
    if sequence.num_frames is None:
        _log.warning(
            '%s is mapped as one: how many frames it has is not known before they are read, as '
            'with --start, --stop or --fps of a video or a bag',
            path,
        )
        return ()
    return cut(sequence.num_frames // len(sequence.cameras), shard_frames, overlap_frames)
