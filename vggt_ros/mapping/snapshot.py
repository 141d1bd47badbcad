"""Snapshot: state and counts of a mapper as of one moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from vggt_ros.mapping.backend.leveling import LevelingReport
from vggt_ros.mapping.backend.loop_verification import LoopStatistics
from vggt_ros.mapping.frontend.counters import Counts
from vggt_ros.mapping.frontend.frame_stream import FrameStream
from vggt_ros.mapping.frontend.synchronizer import CameraSync
from vggt_ros.mapping.map_state import MapState


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The mapper as of one moment.

    Attributes:
        state: `waiting` for images, `buffering` the first window, `tracking`, `blind` while the
            images show nothing that can be followed, `lost` since the newest window failed,
            `relocalizing` while windows follow each other and it is not known where in the map
            they are, or `paused`.
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
        leveling: How gravity and map agree.
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
    leveling: LevelingReport = field(default_factory=LevelingReport)
    no_window: str = ''
    blind: str = ''


def snapshot_of(stream: FrameStream, current: MapState, statistics: LoopStatistics) -> Snapshot:
    """Return all of it as of one moment; does not wait for the map."""
    with stream.lock:
        has_map = current.last is not None
        state = stream.state(has_map=has_map)
        return Snapshot(
            state=state,
            counts=stream.counts(),
            frames_pending=stream.num_pending,
            cameras=stream.cameras(),
            num_map_points=len(current.layers.voxels),
            num_submaps=len(current.graph),
            num_loops=current.graph.num_loops,
            loop_statistics=statistics,
            window_limit=stream.window_limit,
            epoch=stream.epoch,
            leveling=current.leveling.report,
            no_window=stream.why_no_window() if state == 'buffering' else '',
            blind=stream.why_blind() if has_map else '',
        )
