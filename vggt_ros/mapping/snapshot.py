"""State and counts of a mapper as of one moment."""

from __future__ import annotations

from dataclasses import dataclass

from vggt_ros.mapping.backend.loop_verification import LoopStatistics
from vggt_ros.mapping.frontend.counters import Counts
from vggt_ros.mapping.frontend.synchronizer import CameraSync


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The mapper as of one moment.

    Attributes:
        state: `waiting` for images, `buffering` the first window, `tracking`, `blind` while the
            images show nothing that can be followed, `lost` since the newest window failed, or
            `paused`.
        counts: What happened to the frames: frames_in is frames_used, all drops and
            frames_pending together.
        frames_pending: Frames that wait for a window or are in one.
        cameras: How the cameras fit to each other.
        num_map_points: Points of the voxel map.
        num_submaps: Windows in the map.
        num_loops: Places that were recognized.
        loop_statistics: What loop queries by images brought.
        window_limit: Frame sets that windows are limited to for lack of memory, None if they are
            not.
        epoch: Number of resets.
        no_window: Why there is no window yet, empty once there was one and while nothing is in
            the way.
        blind: Why the images that come cannot be followed; empty if they can, and before the
            first window.
    """

    state: str
    counts: Counts
    frames_pending: int
    cameras: tuple[CameraSync, ...]
    num_map_points: int
    num_submaps: int
    num_loops: int
    loop_statistics: LoopStatistics
    window_limit: int | None
    epoch: int
    no_window: str = ''
    blind: str = ''
