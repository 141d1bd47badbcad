"""The axes of the map: z up, x ahead of the robot, as REP 103 wants it."""

from __future__ import annotations

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.registration.window_priors import WindowPriors

# x_map = z_cam (ahead), y_map = -x_cam (left), z_map = -y_cam (up, if the camera is held level).
MAP_FROM_FIRST_CAM = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def first_map_from_cam(view: WindowPriors, row: int = 0) -> Float[np.ndarray, '4 4']:
    """Return where a camera is put in a map that begins.

    With odometry the map begins as the odometry's frame, so that map -> odom begins as identity;
    else as the robot's base, which stands level; else the camera itself is the origin and taken
    to be held level.

    Args:
        view: Of the first window.
        row: Which of its cameras.
    """
    first = view.odom_from_cam[row]
    if first is None:
        first = view.base_from_cam[row]
    if first is None:
        return se3.rigid(MAP_FROM_FIRST_CAM, np.zeros(3))
    return first.copy()


def has_up(view: WindowPriors) -> bool:
    """Return whether the robot says of any frame of a window which way is up."""
    return any(
        pose is not None for poses in (view.odom_from_cam, view.base_from_cam) for pose in poses
    )


def upright_turn(
    map_from_cam: Float[np.ndarray, 'S 4 4'], is_inlier: Bool[np.ndarray, ' S'], view: WindowPriors
) -> Float[np.ndarray, '3 3'] | None:
    """Return the smallest turn of a map that makes up in it what the robot calls up.

    For a map that began when the robot said nothing, as if the camera were held level.

    Args:
        map_from_cam: (S, 4, 4) poses of the cameras of a window in the map.
        is_inlier: (S,) False for frames that must not decide it.
        view: What the robot says of them.

    Returns:
        None if it says nothing.
    """
    ups = []
    for row in np.flatnonzero(is_inlier):
        odom_from_cam, base_from_cam = view.odom_from_cam[row], view.base_from_cam[row]
        z_up_from_cam = base_from_cam if odom_from_cam is None else odom_from_cam
        if z_up_from_cam is not None:
            # Its last row is the direction up along the axes of the camera.
            ups.append(map_from_cam[row, :3, :3] @ z_up_from_cam[2, :3])
    if not ups:
        return None
    up = np.mean(ups, axis=0)
    axis = np.cross(up, [0.0, 0.0, 1.0])
    sine = float(np.linalg.norm(axis))
    if sine < 1e-9:  # level, or upside down: then about x
        axis, sine = np.array([1.0, 0.0, 0.0]), 1.0
        return matrix_from_rotation_vector(axis * (0.0 if up[2] > 0 else np.pi))
    return matrix_from_rotation_vector(axis / sine * np.arctan2(sine, up[2]))


def first_map_from_submap(
    ref_from_cam: Float[np.ndarray, '4 4'],
    map_from_cam: Float[np.ndarray, '4 4'],
    scale: float,
) -> Sim3:
    """Return the similarity that starts a map.

    Args:
        ref_from_cam: (4, 4) pose of the first camera in the first window's own frame.
        map_from_cam: (4, 4) where it is put.
        scale: Units of the map per unit of the window.
    """
    rotation = map_from_cam[:3, :3] @ ref_from_cam[:3, :3].T
    return Sim3(scale, rotation, map_from_cam[:3, 3] - scale * rotation @ ref_from_cam[:3, 3])
