"""Segment gap: how far a robot can have moved while its map was lost.

A new segment begins where nothing ties it to the map, but not anywhere: in the time that it was
lost a robot moves hardly faster than before. Of places that look alike, the others are out of
reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.keyframe_database import StoredKeyframe

# Times the speed that the robot had at its fastest, and median depths beyond.
_SPEED_FACTOR, _SLACK = 2.0, 2.0
_FASTEST_PERCENT = 95.0
# Median depths per second of a robot whose speed is not known.
_UNKNOWN_SPEED = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentGap:
    """Between the end of a segment and the beginning of a later one.

    Attributes:
        end: (3,) where the robot was last in the earlier segment, map.
        begin: (3,) where the later one says that it begins, map.
        reach: How far apart they can be, map units.
    """

    end: Float[np.ndarray, ' 3']
    begin: Float[np.ndarray, ' 3']
    reach: float

    def allows(self, corrected_from_map: Sim3) -> bool:
        """Return whether the robot can have got to where a correction puts the later segment."""
        distance = float(np.linalg.norm(corrected_from_map.apply(self.begin) - self.end))
        return distance <= self.reach


def segment_gap(
    earlier: Sequence[StoredKeyframe], begin: Float[np.ndarray, ' 3'], begin_ns: int
) -> SegmentGap:
    """Return the gap between a segment and a later one.

    Args:
        earlier: Stored keyframes of the earlier segment, oldest first, at least one.
        begin: (3,) first camera position of the later segment, as the map has it.
        begin_ns: Its stamp.
    """
    stamps_s = np.array([1e-9 * place.frame.stamp_ns for place in earlier])
    positions = np.stack([place.map_from_cam[:3, 3] for place in earlier])
    depths = np.array([np.nanmedian(place.in_map.depth) for place in earlier])
    median_depth = float(np.nanmedian(depths))
    # Of the time before: a segment may have gone on elsewhere since.
    is_before = stamps_s <= 1e-9 * begin_ns
    last = int(np.flatnonzero(is_before)[-1]) if is_before.any() else 0
    elapsed_s = abs(1e-9 * begin_ns - float(stamps_s[last]))
    durations_s = np.diff(stamps_s)
    moves = durations_s > 0
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    speed = _UNKNOWN_SPEED * median_depth
    if moves.any():
        speed = float(np.percentile(steps[moves] / durations_s[moves], _FASTEST_PERCENT))
    return SegmentGap(
        end=positions[last],
        begin=begin,
        reach=_SPEED_FACTOR * speed * elapsed_s + _SLACK * median_depth,
    )
