"""Cutting: a long recording into shards of consecutive frames that overlap."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from vggt_ros.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRange:
    """Consecutive frames of each camera of a recording.

    Attributes:
        first: Frames of each camera before it.
        count: Frames of each camera.
    """

    first: int
    count: int

    @property
    def end(self) -> int:
        """Frame after the last one."""
        return self.first + self.count


def cut(num_frames: int, shard_frames: int, overlap_frames: int) -> tuple[FrameRange, ...]:
    """Return shards of nearly equal length, each of which has the first frames of the next one.

    Args:
        num_frames: Of each camera.
        shard_frames: About so many are in a shard, those shared with the next one apart.
        overlap_frames: So many are shared by two shards.

    Raises:
        ConfigError: A shard would hardly have frames of its own.
    """
    if overlap_frames < 3:
        raise ConfigError(
            f'--shard-overlap must be at least 3 frames, by which shards are joined; got '
            f'{overlap_frames}'
        )
    if shard_frames < 2 * overlap_frames:
        raise ConfigError(
            f'--shard-frames must be at least twice the overlap of {overlap_frames} frames; got '
            f'{shard_frames}: give more frames, or a smaller --shard-overlap'
        )
    count = max(1, round(num_frames / shard_frames))
    begins = [k * num_frames // count for k in range(count + 1)]
    return tuple(
        FrameRange(first=begin, count=min(end + overlap_frames, num_frames) - begin)
        for begin, end in pairwise(begins)
    )
