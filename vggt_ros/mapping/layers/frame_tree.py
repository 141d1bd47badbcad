"""Frame tree: poses of a robot's frames (REP 105) that follow from a pose in the map."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_vector_from_matrix


def map_from_parent(
    map_from_cam: Float[np.ndarray, '4 4'], parent_from_cam: Float[np.ndarray, '4 4']
) -> Float[np.ndarray, '4 4']:
    """Return where a frame is in the map from where both it and the map have the same camera.

    Args:
        map_from_cam: (4, 4) rigid, the camera in the map at a stamp.
        parent_from_cam: (4, 4) rigid, the same camera at the same stamp in another frame: the
            odometry's, or the robot's base.
    """
    return map_from_cam @ se3.inverse(parent_from_cam)


def blend(
    a_from_b_old: Float[np.ndarray, '4 4'], a_from_b_new: Float[np.ndarray, '4 4'], share: float
) -> Float[np.ndarray, '4 4']:
    """Return a transform on the way from an old to a new one.

    Args:
        a_from_b_old: (4, 4) rigid, for a share of 0.
        a_from_b_new: (4, 4) rigid, for a share of 1.
        share: 0..1, of the angle about one axis and of the straight way.
    """
    turn = a_from_b_new[:3, :3] @ a_from_b_old[:3, :3].T
    part = matrix_from_rotation_vector(share * rotation_vector_from_matrix(turn))
    translation = (1.0 - share) * a_from_b_old[:3, 3] + share * a_from_b_new[:3, 3]
    return se3.rigid(part @ a_from_b_old[:3, :3], translation)
