"""Scale measurement: meters per unit of the map, measured in one window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float, Float32
import numpy as np

from vggt_ros.geometry.robust import median_and_sigma
from vggt_ros.geometry.rotation import mean_rotation

# Over one window wheels, and depth sensors, are themselves not better than this.
_MIN_ODOMETRY_SIGMA, _MIN_DEPTH_SIGMA = 0.01, 0.02
_MIN_PIXELS = 100
# Errors of depth are smooth: about so many parts of an image are wrong independently.
_NUM_PARTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleMeasurement:
    """Meters per unit, as one window shows it.

    Attributes:
        source: rig, odometry, depth or model.
        meters_per_unit: Positive.
        log_sigma: Standard deviation of its log.
        residual: How much the shapes that were compared disagree, relative: of the path for
            odometry, of the depth for depth, of the distance of the cameras for the rig.
    """

    source: str
    meters_per_unit: float
    log_sigma: float
    residual: float


def measure_by_odometry(
    map_from_cam: Float[np.ndarray, 'S 4 4'],
    odom_from_cam: Sequence[Float[np.ndarray, '4 4'] | None],
    min_baseline_m: float,
) -> ScaleMeasurement | None:
    """Compare the path of the camera in the map with that in the odometry.

    Both paths are rotated onto each other by the orientations of the cameras; their sizes about
    their middles give the scale, so that no single pose decides it.

    Args:
        map_from_cam: (S, 4, 4) poses in the map.
        odom_from_cam: The same cameras in the odometry, meters; None where not known.
        min_baseline_m: Least distance of two cameras in the odometry.

    Returns:
        None if fewer than two poses are known, or the camera did not move enough.
    """
    known = [i for i, pose in enumerate(odom_from_cam) if pose is not None]
    if len(known) < 2:
        return None
    in_odom = np.stack([pose for pose in odom_from_cam if pose is not None])
    in_map = map_from_cam[known]
    baseline_m = np.linalg.norm(in_odom[:, None, :3, 3] - in_odom[None, :, :3, 3], axis=-1).max()
    if not baseline_m >= min_baseline_m:
        return None
    odom_from_map = mean_rotation(in_odom[:, :3, :3] @ np.swapaxes(in_map[:, :3, :3], 1, 2))
    way_m = in_odom[:, :3, 3] - in_odom[:, :3, 3].mean(axis=0)
    way = (in_map[:, :3, 3] - in_map[:, :3, 3].mean(axis=0)) @ odom_from_map.T
    size_m, size = float(np.sqrt((way_m**2).sum())), float(np.sqrt((way**2).sum()))
    if not size > 1e-9 * size_m:
        return None
    scale = size_m / size
    residual = float(np.sqrt(((scale * way - way_m) ** 2).sum())) / size_m
    return ScaleMeasurement(
        source='odometry',
        meters_per_unit=scale,
        log_sigma=float(np.hypot(_MIN_ODOMETRY_SIGMA, residual)),
        residual=residual,
    )


def measure_by_depth(
    depth: Float32[np.ndarray, 'n H W'],
    measured_m: Float32[np.ndarray, 'n H W'],
    trusted: Bool[np.ndarray, 'n H W'],
) -> ScaleMeasurement | None:
    """Compare predicted with measured depth of the same pixels.

    Args:
        depth: (n, H, W) along the optical axis, map units, NaN where there is none.
        measured_m: (n, H, W) the same, measured, meters.
        trusted: (n, H, W) True for the pixels of the prediction that are worth a comparison.

    Returns:
        None if too few pixels have both.
    """
    with np.errstate(invalid='ignore'):
        use = trusted & (depth > 0) & (measured_m > 0)
    if np.count_nonzero(use) < _MIN_PIXELS:
        return None
    log_scale, residual = median_and_sigma(np.log(measured_m[use] / depth[use]))
    return ScaleMeasurement(
        source='depth',
        meters_per_unit=float(np.exp(log_scale)),
        log_sigma=float(np.hypot(_MIN_DEPTH_SIGMA, residual / np.sqrt(_NUM_PARTS))),
        residual=residual,
    )
