"""Result of offline mapping: everything that is known of a recording in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float, Int64
import numpy as np

from vggt_ros.evaluation.published_depth import FrameDepthError
from vggt_ros.mapping.backend.submap_graph import ClosedLoop
from vggt_ros.mapping.frontend.counters import Counts
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.layers.map_update import MapUpdate
from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.mapping.refinement.refined_window import RefinementReport
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.mapping.session.map_session import MapSession
from vggt_ros.offline.depth_again import DepthReport
from vggt_ros.offline.depth_sample import DepthSample
from vggt_ros.offline.frame_poses import FramePoses
from vggt_ros.offline.global_refinement import GlobalReport
from vggt_ros.offline.position_refinement import PositionReport
from vggt_ros.offline.recorded_priors import RecordedRig

UNKNOWN_SCALE = ScaleState(
    is_metric=False, meters_per_unit=float('nan'), log_sigma=float('inf'), source=''
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedWindow:
    """What became of one window.

    Attributes:
        frame_ids: Its frames.
        is_connected: Whether its place in the map is known.
        scale_residual: How well its depth agreed with that of the windows before; NaN if unknown.
        refinement: What its images said; None if they were not asked, or if it failed.
        failure: Why it did not enter the map; empty if it did.
        process_s: Wall time that it took.
    """

    frame_ids: tuple[int, ...]
    is_connected: bool
    scale_residual: float
    refinement: RefinementReport | None
    failure: str
    process_s: float

    @classmethod
    def of(
        cls, window: Window, update: MapUpdate | None, error: Exception | None, process_s: float
    ) -> MappedWindow:
        """Return what became of a window.

        Args:
            window: Its frames.
            update: What it brought, None if it did not enter the map.
            error: Why it did not.
            process_s: Wall time that it took.
        """
        return cls(
            frame_ids=tuple(frame.id for frame in window.frames),
            is_connected=update is not None and update.is_connected,
            scale_residual=float('nan') if update is None else update.scale_residual,
            refinement=None if update is None else update.refinement,
            failure='' if error is None else str(error),
            process_s=process_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """What the source knows of the N frames.

    Attributes:
        world_from_cam: (N, 4, 4) true poses, meters; NaN where unknown.
        depths: Errors of the depth of keyframes whose depth was measured.
    """

    world_from_cam: Float[np.ndarray, 'N 4 4']
    depths: tuple[FrameDepthError, ...]

    @property
    def num_known(self) -> int:
        """Frames whose pose is known."""
        return int(np.isfinite(self.world_from_cam).all(axis=(1, 2)).sum())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result:
    """The map of a recording of N frames.

    The map is z-up and begins at the first camera, unless `positions.gauge` is `enu`; its unit is
    the meter if `scale.is_metric`.

    Attributes:
        poses: Of every frame.
        keyframes: (M,) frames that are in the map, ascending.
        views: Their poses with their cameras, in that order.
        segments: (M,) the part of the map that each is in; parts are not connected.
        growth: (M,) how much longer what each measured when it came, as its depth, is in the unit
            of the map now.
        points: The cloud.
        voxel_size: Edge of its voxels, map units.
        session: What a later run needs to go on with the map; None if it was joined of
            shards and one of them has none.
        rig: Where the cameras are on each other.
        counts: What happened to the frames, by reason.
        num_segments: Parts of the map that overlap, odometry or loops did not connect when they
            came; 1 if the map is one.
        loops: Places that were recognized and moved the map.
        scale: What is known of meters.
        windows: All of them, in order.
        refinement: What came of the adjustment of all keyframes at once.
        depth: What came of comparing their depth once more.
        positions: What came of where satellites say that they were.
        samples: An even choice of keyframes with their depth, to look at.
        truth: What the source knows; None if it knows nothing.
        seconds: Wall time by stage: `read`, `network`, `map`, `frames`, `global`, and `total`.
    """

    poses: FramePoses
    keyframes: Int64[np.ndarray, ' M']
    views: tuple[CameraView, ...]
    segments: Int64[np.ndarray, ' M']
    growth: Float[np.ndarray, ' M']
    points: MapPoints
    voxel_size: float
    session: MapSession | None
    counts: Counts
    rig: RecordedRig = field(default_factory=RecordedRig)
    num_segments: int
    loops: tuple[ClosedLoop, ...]
    scale: ScaleState
    windows: tuple[MappedWindow, ...]
    refinement: GlobalReport
    depth: DepthReport
    positions: PositionReport = field(default_factory=PositionReport)
    samples: tuple[DepthSample, ...]
    truth: Truth | None
    seconds: Mapping[str, float]

    @property
    def is_usable(self) -> bool:
        """Whether there is a map."""
        return len(self.keyframes) > 0

    @property
    def frames_per_s(self) -> float:
        """Frames of the recording a second of wall time."""
        return len(self.poses) / self.seconds['total'] if self.seconds['total'] > 0 else 0.0
