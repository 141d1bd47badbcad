"""Overlap registration by points: the similarity between a refined window and the map."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.robust import huber_mean, huber_mean_rotation, median_and_sigma
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.registration import Registration

_ROTATION_DELTA_RAD = np.radians(0.3)
# In median depths.
_TRANSLATION_DELTA = 0.01
# Fewer shared points say nothing about the scale: it stays.
_MIN_POINTS = 12
# Points of one window err together, as its cameras do: about so many are independent.
_MAX_INDEPENDENT = 30
_MIN_LOG_SCALE_SIGMA, _UNKNOWN_LOG_SCALE_SIGMA = 1e-3, 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedPoints:
    """The same points of the scene in the map and in a window; n of them.

    Attributes:
        in_map: (n, 3) as the map's last window saw them.
        in_submap: (n, 3) as the new window sees them.
        log_depth_ratio: (n,) of their depth in one camera: in the map over in the window.
    """

    in_map: Float[np.ndarray, 'n 3']
    in_submap: Float[np.ndarray, 'n 3']
    log_depth_ratio: Float[np.ndarray, ' n']


def register_by_points(
    frame_ids: tuple[int, ...],
    map_from_cam: Float[np.ndarray, 'm 4 4'],
    submap_from_cam: Float[np.ndarray, 'm 4 4'],
    shared: SharedPoints,
    median_depth: float,
) -> Registration:
    """Return the similarity that brings cameras and points that two windows share together.

    Rotation from the cameras, scale from the median ratio of the points' depths, translation
    half from the cameras and half from the points, all by robust means. Refined windows share
    their unit with the map already: without points the scale is 1.

    Args:
        frame_ids: Of the m shared frames, m >= 1.
        map_from_cam: (m, 4, 4) their poses in the map.
        submap_from_cam: (m, 4, 4) their poses in the window.
        shared: The points.
        median_depth: Of the scene, map units.
    """
    turns = map_from_cam[:, :3, :3] @ np.swapaxes(submap_from_cam[:, :3, :3], 1, 2)
    rotation = huber_mean_rotation(turns, float(_ROTATION_DELTA_RAD))
    count = len(shared.in_map)
    log_scale, spread, log_scale_sigma = 0.0, 0.0, _UNKNOWN_LOG_SCALE_SIGMA
    if count >= _MIN_POINTS:
        log_scale, spread = median_and_sigma(shared.log_depth_ratio)
        independent = min(count, _MAX_INDEPENDENT)
        log_scale_sigma = max(1.25 * spread / float(np.sqrt(independent)), _MIN_LOG_SCALE_SIGMA)
    scale = float(np.exp(log_scale))
    shifts = map_from_cam[:, :3, 3] - scale * submap_from_cam[:, :3, 3] @ rotation.T
    delta = _TRANSLATION_DELTA * median_depth
    translation = huber_mean(shifts, delta)
    distances = np.linalg.norm(shifts - translation, axis=1)
    if count >= _MIN_POINTS:
        by_points = huber_mean(shared.in_map - scale * shared.in_submap @ rotation.T, delta)
        translation = 0.5 * (translation + by_points)
    return Registration(
        map_from_submap=Sim3(scale, rotation, translation),
        frame_ids=frame_ids,
        scale_residual=spread,
        log_scale_sigma=log_scale_sigma,
        rotation_residual_rad=float(rotation_angle(rotation.T @ turns).max()),
        translation_residual=float(distances.max()) / median_depth,
        num_pixels=count,
    )
