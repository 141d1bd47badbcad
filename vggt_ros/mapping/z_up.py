"""The axes of the map: z up, x ahead of the robot, as REP 103 wants it."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.robot_view import RobotView

# x_map = z_cam (ahead), y_map = -x_cam (left), z_map = -y_cam (up, if the camera is held level).
MAP_FROM_FIRST_CAM = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def first_map_from_cam(view: RobotView, row: int = 0) -> Float[np.ndarray, '4 4']:
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


def first_map_from_submap(
    submap_from_cam: Float[np.ndarray, '4 4'],
    map_from_cam: Float[np.ndarray, '4 4'],
    scale: float,
) -> Sim3:
    """Return the similarity that starts a map.

    Args:
        submap_from_cam: (4, 4) pose of the first camera in the first window's own frame.
        map_from_cam: (4, 4) where it is put.
        scale: Units of the map per unit of the window.
    """
    rotation = map_from_cam[:3, :3] @ submap_from_cam[:3, :3].T
    return Sim3(scale, rotation, map_from_cam[:3, 3] - scale * rotation @ submap_from_cam[:3, 3])
