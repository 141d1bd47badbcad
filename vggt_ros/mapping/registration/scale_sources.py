"""Scale sources: what can tell how long a unit of a window is in meters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from jaxtyping import Bool
import numpy as np

from vggt_ros.mapping.registration.scale_measurement import (
    measure_by_depth,
    measure_by_odometry,
    ScaleMeasurement,
)
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.mapping.registration.window_priors import WindowPriors
from vggt_ros.settings.world_config import ScaleSettings

# One view alone tells sizes by what it knows; a tenth is about as good as that gets (assumed, not
# measured here). It matters beside other sources only, which have their own.
_MODEL_LOG_SIGMA = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredWindow:
    """A window whose unit is to be measured.

    Attributes:
        submap: The window, in any unit.
        priors: What is known of its frames.
        is_inlier: (S,) False for frames that do not count.
        unit: Units of `submap` per unit of the window as the network predicts it.
    """

    submap: Submap
    priors: WindowPriors
    is_inlier: Bool[np.ndarray, ' S']
    unit: float = 1.0


class ScaleSource(Protocol):
    """One source.

    Attributes:
        name: As `scale.source` and `ScaleMeasurement.source` have it.
        rank: Sources of a lower rank are asked only if those of a higher one know nothing; among
            equals the surest counts.
    """

    name: str
    rank: int

    def measure(self, window: MeasuredWindow, settings: ScaleSettings) -> ScaleMeasurement | None:
        """Return meters per unit of the submap, None if this source does not tell."""
        ...


class RigScale:
    """The places of several cameras on one robot."""

    name = 'rig'
    rank = 1

    def measure(self, window: MeasuredWindow, settings: ScaleSettings) -> ScaleMeasurement | None:
        """Return what the rig measured before the window was brought to another unit."""
        rig = window.priors.rig_scale
        if rig is None:
            return None
        return replace(rig, meters_per_unit=rig.meters_per_unit / window.unit)


class OdometryScale:
    """The motion of the camera in the odometry."""

    name = 'odometry'
    rank = 0

    def measure(self, window: MeasuredWindow, settings: ScaleSettings) -> ScaleMeasurement | None:
        """Compare the motion in the window with that in the odometry."""
        rows = np.flatnonzero(window.is_inlier)
        poses = [window.priors.odom_from_cam[row] for row in rows]
        return measure_by_odometry(window.submap.ref_from_cam[rows], poses, settings.min_baseline)


class DepthScale:
    """Depth that a sensor measured."""

    name = 'depth'
    rank = 0

    def measure(self, window: MeasuredWindow, settings: ScaleSettings) -> ScaleMeasurement | None:
        """Compare predicted with measured depth where the network is the surer half."""
        measured = [(row, window.priors.depth_m[row]) for row in np.flatnonzero(window.is_inlier)]
        rows = [row for row, depth_m in measured if depth_m is not None]
        depth, confidence = window.submap.depth[rows], window.submap.confidence[rows]
        if not np.isfinite(depth).any():
            return None
        with np.errstate(invalid='ignore'):
            trusted = confidence >= np.nanmedian(confidence)
        depth_m = np.stack([each for _, each in measured if each is not None])
        return measure_by_depth(depth, depth_m, trusted)


class ModelScale:
    """The network itself, if it is one that means meters."""

    name = 'model'
    rank = -1

    def measure(self, window: MeasuredWindow, settings: ScaleSettings) -> ScaleMeasurement | None:
        """Take the network at its word, give or take `_MODEL_LOG_SIGMA`."""
        if not window.priors.is_metric:
            return None
        return ScaleMeasurement(
            source=self.name,
            meters_per_unit=1.0 / window.unit,
            log_sigma=_MODEL_LOG_SIGMA,
            residual=0.0,
        )


SCALE_SOURCES: tuple[ScaleSource, ...] = (
    RigScale(),
    OdometryScale(),
    DepthScale(),
    ModelScale(),
)


def measure_scale(window: MeasuredWindow, settings: ScaleSettings) -> ScaleMeasurement | None:
    """Return meters per unit of a window by the best source that `scale.source` allows.

    Args:
        window: What is measured.
        settings: Which sources are allowed, and the least motion.
    """
    best: tuple[int, ScaleMeasurement] | None = None
    for source in sorted(SCALE_SOURCES, key=lambda each: -each.rank):
        if settings.source not in ('auto', source.name):
            continue
        if best is not None and source.rank < best[0]:
            break
        found = source.measure(window, settings)
        if found is not None and (best is None or found.log_sigma < best[1].log_sigma):
            best = source.rank, found
    return None if best is None else best[1]
