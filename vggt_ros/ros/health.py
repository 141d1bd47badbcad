"""Health of the node: what it knows about itself at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import math

import torch

from vggt_ros.inference.predictor_description import PredictorDescription
from vggt_ros.mapping.backend.leveling import LevelingReport
from vggt_ros.mapping.backend.loop_verification import LoopStatistics
from vggt_ros.mapping.frontend.counters import Counts
from vggt_ros.mapping.frontend.synchronizer import CameraSync
from vggt_ros.mapping.layers.coverage import Coverage
from vggt_ros.mapping.refinement.refined_window import RefinementReport
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.ros.input.cameras import Cameras
from vggt_ros.ros.input.imu_input import ImuReport
from vggt_ros.ros.input.input_report import TopicReport
from vggt_ros.ros.input.problem import Problem
from vggt_ros.ros.pipeline import Pipeline
from vggt_ros.ros.tf_link import TfLink

_BYTES_PER_MB = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the node knows about itself at one moment.

    Attributes:
        state: unconfigured, loading or inactive; while active the state of the mapper.
        counts: What happened to the frames; None before the first configuration.
        frames_pending: Frames that are neither used nor dropped yet.
        cameras: How the cameras fit to each other.
        topics: How the topics that come in are.
        input_problems: What is in the way of frames.
        no_window: Why there is no window yet; empty if nothing is in the way.
        blind: Why the images that come cannot be followed; empty if they can.
        map_points: Points of the map.
        submaps: Windows in the map.
        loops: Places that were recognized.
        loop_statistics: What loop queries by images brought; None before the first configuration.
        refinement: What the images made of the newest window in the map; None before it, and
            without refinement.
        coverage: How much of the floor was seen; None without an occupancy grid.
        is_connected: False if the newest window is in a segment whose place in the map is a guess.
        tf_mode: What is broadcast, see `MapBroadcaster`; empty before the first configuration.
        tf_conflict: Who else sends that transform, empty if none does.
        tf_problems: What is wrong with TF and its clocks.
        imu: How the IMU is; None before the first configuration.
        leveling: How gravity and map agree; None before the first configuration.
        scale_state: What is known of meters, None before the first window.
        scale: Map units per unit of the newest window, NaN before it.
        scale_residual: Spread of the log depth ratio in the newest overlap, NaN before it.
        depth_ratio: Median depth of the newest window over that of windows before, NaN before it.
        focal_ratio: Predicted over calibrated focal length, NaN if not known.
        model: What runs, by key: checkpoint, device and so on.
        window_limit: Frame sets that windows are limited to for lack of memory, None if they are
            not.
        busy_s: How long the network has been at the window in hand, seconds.
        delay: That the weights take long to load, and why; empty if they do not.
        error: The error that stopped a transition or the newest window; empty if none.
        window_error: What the newest window failed of; empty if it did not.
        callback_errors: Number of callbacks that failed and were left out.
        callback_error: What the newest of them failed of, if it was a moment ago; else empty.
        gpu_mb: Memory on the GPU in MB, NaN without one.
    """

    state: str
    counts: Counts | None = None
    frames_pending: int = 0
    cameras: tuple[CameraSync, ...] = ()
    topics: tuple[TopicReport, ...] = ()
    input_problems: tuple[Problem, ...] = ()
    no_window: str = ''
    blind: str = ''
    map_points: int = 0
    submaps: int = 0
    loops: int = 0
    loop_statistics: LoopStatistics | None = None
    refinement: RefinementReport | None = None
    coverage: Coverage | None = None
    is_connected: bool = True
    tf_mode: str = ''
    tf_conflict: str = ''
    tf_problems: tuple[Problem, ...] = ()
    imu: ImuReport | None = None
    leveling: LevelingReport | None = None
    scale_state: ScaleState | None = None
    scale: float = math.nan
    scale_residual: float = math.nan
    depth_ratio: float = math.nan
    focal_ratio: float = math.nan
    model: Mapping[str, str] = field(default_factory=dict)
    window_limit: int | None = None
    busy_s: float = 0.0
    delay: str = ''
    error: str = ''
    window_error: str = ''
    callback_errors: int = 0
    callback_error: str = ''
    gpu_mb: float = math.nan

    @property
    def obstacle(self) -> str:
        """Why the images that come bring nothing; empty if they do."""
        if self.no_window:
            return f'no window yet: {self.no_window}'
        return f'blind: {self.blind}' if self.blind else ''


def health_of(
    lifecycle_state: str,
    pipeline: Pipeline | None,
    cameras: Cameras | None,
    last_error: str,
    link: TfLink | None = None,
) -> Health:
    """Ask the pipeline how it is.

    Args:
        lifecycle_state: Label of the lifecycle state, or loading.
        pipeline: None if the node is not configured.
        cameras: Likewise.
        last_error: Why the last transition failed; empty if it did not.
        link: None if the node is not configured.
    """
    if pipeline is None:
        return Health(state=lifecycle_state, error=last_error)
    snapshot = pipeline.snapshot()
    update = pipeline.last_update
    return Health(
        state=snapshot.state if lifecycle_state == 'active' else lifecycle_state,
        counts=snapshot.counts,
        frames_pending=snapshot.frames_pending,
        cameras=snapshot.cameras,
        topics=() if cameras is None else cameras.topics,
        input_problems=() if cameras is None else tuple(cameras.problems),
        no_window=snapshot.no_window,
        blind=snapshot.blind,
        map_points=snapshot.num_map_points,
        submaps=snapshot.num_submaps,
        loops=snapshot.num_loops,
        loop_statistics=snapshot.loop_statistics,
        refinement=None if update is None else update.refinement,
        coverage=pipeline.coverage.newest,
        is_connected=True if update is None else update.is_connected,
        tf_mode=pipeline.broadcaster.mode,
        tf_conflict=pipeline.broadcaster.conflict,
        tf_problems=() if link is None else tuple(link.problems),
        imu=None if link is None else link.imu_report(),
        leveling=snapshot.leveling,
        scale_state=None if update is None else update.scale_state,
        scale=math.nan if update is None else update.scale,
        scale_residual=math.nan if update is None else update.scale_residual,
        depth_ratio=math.nan if update is None else update.depth_ratio,
        focal_ratio=math.nan if update is None else update.focal_ratio,
        window_limit=snapshot.window_limit,
        busy_s=pipeline.busy_s,
        model=_model(pipeline.predictor.description),
        error=last_error or pipeline.last_error,
        window_error=pipeline.last_error,
        gpu_mb=_gpu_mb(pipeline.predictor.description.device),
    )


def _model(description: PredictorDescription) -> dict[str, str]:
    return {
        'checkpoint': description.checkpoint,
        'device': description.device,
        'precision': description.precision,
        'parameters': str(description.num_parameters),
        'image_size': str(description.image_size),
        'is_trained': 'true' if description.is_trained else 'false',
        'note': description.notice,
    }


def _gpu_mb(device: str) -> float:
    """Return the memory in use on a device as `PredictorDescription` names it."""
    if not device.startswith('cuda'):
        return math.nan
    return torch.cuda.memory_allocated(device.split()[0]) / _BYTES_PER_MB
