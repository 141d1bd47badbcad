"""Pose uncertainty: covariances of similarities and of camera poses.

An error is a small similarity on the right of a transform: x -> x + w cross x + t + l x, in the
order (w, t, l): rotation in radians, translation in the units of the frame it acts in, log of the
scale. First order, as in Sola, Deray and Atchuthan, "A micro Lie theory for state estimation in
robotics", 2018, arXiv:1812.01537.
"""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3

# REP-103 knows no number for "unknown"; other packages write this one.
UNKNOWN_VARIANCE = 9999.0


def isotropic(
    rotation_rad: float, translation: float, log_scale: float
) -> Float[np.ndarray, '7 7']:
    """Return the covariance of an error with these standard deviations along every axis."""
    sigmas = [rotation_rad] * 3 + [translation] * 3 + [log_scale]
    return np.diag(np.square(sigmas))


def compose(
    a_covariance: Float[np.ndarray, '7 7'], a_from_b: Sim3, b_covariance: Float[np.ndarray, '7 7']
) -> Float[np.ndarray, '7 7']:
    """Return the covariance of world_from_a @ a_from_b, both uncertain and independent.

    Args:
        a_covariance: (7, 7) of world_from_a, an error in frame a.
        a_from_b: What is appended.
        b_covariance: (7, 7) of a_from_b, an error in frame b.
    """
    adjoint = _adjoint_of_inverse(a_from_b)
    return adjoint @ a_covariance @ adjoint.T + b_covariance


def in_unit(covariance: Float[np.ndarray, '7 7'], scale: float) -> Float[np.ndarray, '7 7']:
    """Return a covariance with lengths in another unit.

    Args:
        covariance: (7, 7) of an error.
        scale: New units per old unit.
    """
    units = np.array([1.0] * 3 + [scale] * 3 + [1.0])
    return covariance * np.outer(units, units)


def pose_covariance(
    covariance: Float[np.ndarray, '7 7'], map_from_cam: Float[np.ndarray, '4 4']
) -> Float[np.ndarray, '6 6']:
    """Return what geometry_msgs/PoseWithCovariance wants to know of a camera's pose.

    Args:
        covariance: (7, 7) error in the camera's frame.
        map_from_cam: (4, 4) rigid.

    Returns:
        (6, 6) in the order x, y, z, rotation about X, Y and Z; the axes are those of the map.
    """
    rotation = map_from_cam[:3, :3]
    to_map = np.zeros((6, 7))
    to_map[:3, 3:6] = rotation
    to_map[3:, :3] = rotation
    return to_map @ covariance @ to_map.T


def unknown_pose_covariance() -> Float[np.ndarray, '6 6']:
    """Return the covariance of a pose that is a guess."""
    return UNKNOWN_VARIANCE * np.eye(6)


def _adjoint_of_inverse(a_from_b: Sim3) -> Float[np.ndarray, '7 7']:
    """Return what turns an error in frame a into the same error in frame b."""
    b_from_a_rotation = a_from_b.rotation.T
    p, s = a_from_b.translation, a_from_b.scale
    adjoint = np.zeros((7, 7))
    adjoint[:3, :3] = b_from_a_rotation
    # R^T (t + w x p + l p) / s
    p_cross = np.array([[0.0, -p[2], p[1]], [p[2], 0.0, -p[0]], [-p[1], p[0], 0.0]])
    adjoint[3:6, :3] = -b_from_a_rotation @ p_cross / s
    adjoint[3:6, 3:6] = b_from_a_rotation / s
    adjoint[3:6, 6] = b_from_a_rotation @ p / s
    adjoint[6, 6] = 1.0
    return adjoint
