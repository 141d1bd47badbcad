"""Anchors: frames of the map that hold a window although the network does not see them again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Anchor:
    """One verified frame of the map.

    Attributes:
        frame: The frame without its image: an array of no rows.
        size: Width and height of the image, pixels.
        map_from_cam: (4, 4) rigid pose in the map.
    """

    frame: Frame
    size: tuple[int, int]
    map_from_cam: Float[np.ndarray, '4 4']

    def moved(self, map_from_old_map: Sim3) -> Anchor:
        """Return the same after a correction of the map."""
        return replace(self, map_from_cam=map_from_old_map.apply_to_pose(self.map_from_cam))


def anchor(frame: Frame, map_from_cam: Float[np.ndarray, '4 4']) -> Anchor:
    """Keep a frame as an anchor, without its pixels.

    Args:
        frame: A verified frame.
        map_from_cam: (4, 4) its pose in the map.
    """
    bare = replace(frame, image=np.zeros((0, 0, 3), np.uint8), is_seen=None)
    return Anchor(frame=bare, size=frame.size, map_from_cam=map_from_cam)
