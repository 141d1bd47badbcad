"""The axes of the map: z up, x ahead of the robot, as REP 103 wants it."""

from __future__ import annotations

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.registration.up_direction import turn_upright, up_of_window
from vggt_ros.mapping.registration.window_priors import WindowPriors

# x_map = z_cam (ahead), y_map = -x_cam (left), z_map = -y_cam (up, if the camera is held level).
MAP_FROM_FIRST_CAM = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def first_map_from_cam(view: WindowPriors, row: int = 0) -> Float[np.ndarray, '4 4']:
    """Return where a camera is put in a map that begins.

    With odometry the map begins as the odometry's frame, so that map -> odom begins as identity;
    else as the robot's base, which stands level; else the camera itself is the origin, turned as
    gravity has it, or taken to be held level if that is not known either.

    Args:
        view: Of the first window.
        row: Which of its cameras.
    """
    first = view.odom_from_cam[row]
    if first is None:
        first = view.base_from_cam[row]
    if first is not None:
        return first.copy()
    up = view.up_in_cam[row] if view.up_in_cam else None
    level = MAP_FROM_FIRST_CAM
    rotation = level if up is None else turn_upright(level @ up.along_axes) @ level
    return se3.rigid(rotation, np.zeros(3))


def has_up(view: WindowPriors) -> bool:
    """Return whether anything says of any frame of a window which way is up."""
    answers = (view.odom_from_cam, view.base_from_cam, view.up_in_cam)
    return any(each is not None for of_frames in answers for each in of_frames)


def upright_turn(
    map_from_cam: Float[np.ndarray, 'S 4 4'], is_inlier: Bool[np.ndarray, ' S'], view: WindowPriors
) -> Float[np.ndarray, '3 3'] | None:
    """Return the smallest turn of a map that makes up in it what the robot, or gravity, calls up.

    For a map that began when neither said anything, as if the camera were held level.

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
    if ups:
        return turn_upright(np.mean(ups, axis=0))
    found = up_of_window(map_from_cam, is_inlier, view.up_in_cam)
    return None if found is None else turn_upright(found.along_axes)


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
