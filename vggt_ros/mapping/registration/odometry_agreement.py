"""Odometry agreement: which cameras of a window moved as the odometry says."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.geometry.robust import huber_mean_rotation
from vggt_ros.geometry.rotation import rotation_angle

_MIN_FRAMES = 4  # of fewer any may be wrong
# A frame is left out if it is so many times farther off than its window is, and by so much: a part
# of the extent of the window's path, and an angle.
_MAX_RATIO, _MAX_SHIFT, _MAX_TURN_RAD = 4.0, 0.1, np.radians(5.0)
# On the spot poses of the network shake by more than the camera moves.
_MIN_EXTENT_M = 0.3
_ROTATION_DELTA_RAD = np.radians(2.0)


def moved_as_odometry(
    ref_from_cam: Float[np.ndarray, 'S 4 4'],
    odom_from_cam: Sequence[Float[np.ndarray, '4 4'] | None],
) -> Bool[np.ndarray, ' S']:
    """Return False for the frames whose pose contradicts the odometry.

    Over the second or two of a window wheels are right to a few percent of the path length. Scale,
    rotation and translation between the two are medians, which a single wrong frame does not move.

    Args:
        ref_from_cam: (S, 4, 4) poses of a window, any unit.
        odom_from_cam: The same cameras in the odometry, meters; None where not known: such frames
            are inliers, and all of them where fewer than four are known.
    """
    agrees = np.ones(len(ref_from_cam), dtype=bool)
    known = [i for i, pose in enumerate(odom_from_cam) if pose is not None]
    if len(known) < _MIN_FRAMES:
        return agrees
    in_odom = np.stack([pose for pose in odom_from_cam if pose is not None])
    in_submap = ref_from_cam[known]
    turns = in_odom[:, :3, :3] @ np.swapaxes(in_submap[:, :3, :3], 1, 2)
    rotation = huber_mean_rotation(turns, float(_ROTATION_DELTA_RAD))
    turned_rad = rotation_angle(rotation.T @ turns)
    agrees[known] = turned_rad <= max(
        _MAX_RATIO * float(np.median(turned_rad)), float(_MAX_TURN_RAD)
    )
    way_m, way = _distances(in_odom), _distances(in_submap)
    extent_m = float(way_m.max())
    if extent_m >= _MIN_EXTENT_M and (way > 0).all():
        # Between cameras in one place there is only noise.
        is_far = way_m >= 0.5 * extent_m
        scale = float(np.median(way_m[is_far] / way[is_far]))
        shifts = in_odom[:, :3, 3] - scale * in_submap[:, :3, 3] @ rotation.T
        off_m = np.linalg.norm(shifts - np.median(shifts, axis=0), axis=1)
        limit_m = max(_MAX_RATIO * float(np.median(off_m)), _MAX_SHIFT * extent_m)
        agrees[known] &= off_m <= limit_m
    return agrees


def _distances(poses: Float[np.ndarray, 'n 4 4']) -> Float[np.ndarray, ' m']:
    """Return the distances of all pairs of cameras."""
    centers = poses[:, :3, 3]
    first, second = np.triu_indices(len(centers), k=1)
    return np.linalg.norm(centers[first] - centers[second], axis=1)
