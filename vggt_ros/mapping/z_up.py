"""The axes of the map: z up, x ahead of the first camera, as REP 103 wants it."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3

# x_map = z_cam (ahead), y_map = -x_cam (left), z_map = -y_cam (up, if the camera is held level).
MAP_FROM_FIRST_CAM = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def first_map_from_submap(submap_from_cam: Float[np.ndarray, '4 4']) -> Sim3:
    """Return the similarity that starts a map: the first camera at the origin, ahead along x.

    Args:
        submap_from_cam: (4, 4) pose of the first camera in the first window's own frame. The
            window's unit of length becomes the map's.
    """
    rotation = MAP_FROM_FIRST_CAM @ submap_from_cam[:3, :3].T
    return Sim3(1.0, rotation, -rotation @ submap_from_cam[:3, 3])
