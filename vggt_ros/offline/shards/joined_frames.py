"""Joined frames: all frames of several shards, each once, and which shard answers for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vggt_ros.offline.shards.shard_files import Shard
from vggt_ros.offline.shards.shared_frames import frame_keys


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JoinedFrame:
    """A frame of the whole recording.

    Attributes:
        shard: Which of the shards answers for it.
        row: Its number there.
    """

    shard: int
    row: int


def joined_frames(shards: Sequence[Shard]) -> tuple[JoinedFrame, ...]:
    """Return all frames in their order.

    Of the frames that two shards share the first half is answered for by the earlier one, where
    the map of the other one has hardly begun; one that has no pose there by the other.

    Args:
        shards: In the order in which they were taken.
    """
    found: list[JoinedFrame] = []
    known: dict[tuple[int, int], int] = {}
    for number, shard in enumerate(shards):
        keys = frame_keys(shard)
        shared = [(row, known[key]) for row, key in enumerate(keys) if key in known]
        is_known = shard.poses.is_known
        for n, (row, place) in enumerate(shared):
            before = found[place]
            is_known_before = shards[before.shard].poses.is_known[before.row]
            if is_known[row] and (2 * n >= len(shared) or not is_known_before):
                found[place] = JoinedFrame(shard=number, row=row)
        taken = {row for row, _ in shared}
        fresh = [row for row in range(len(keys)) if row not in taken]
        for row in fresh:
            found.append(JoinedFrame(shard=number, row=row))
        known |= {keys[row]: len(found) - len(fresh) + n for n, row in enumerate(fresh)}
    return tuple(found)


def keyframe_rows(shards: Sequence[Shard], frames: Sequence[JoinedFrame]) -> list[dict[int, int]]:
    """Return of each shard the keyframes that it answers for.

    Args:
        shards: All of them.
        frames: Of `joined_frames`.

    Returns:
        For each shard numbers of joined frames by rows of its `keyframes`, ascending.
    """
    found: list[dict[int, int]] = [{} for _ in shards]
    rows = [{frame: row for row, frame in enumerate(each.keyframes.tolist())} for each in shards]
    for number, frame in enumerate(frames):
        row = rows[frame.shard].get(frame.row)
        if row is not None:
            found[frame.shard][row] = number
    return [dict(sorted(each.items())) for each in found]
