"""Anchors: frames of the map that hold a window although the network does not see them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import angle_between
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.frontend.frame import Frame

# A camera that turned by so much sees something else.
_MIN_TURN_RAD = np.radians(5.0)


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
    return Anchor(frame=frame.without_image(), size=frame.size, map_from_cam=map_from_cam)


def apart(anchors: Sequence[Anchor], min_step: float) -> list[Anchor]:
    """Leave out anchors that add nothing to the one of the same camera before: near, and alike.

    Args:
        anchors: Oldest first.
        min_step: Distance that counts, map units.
    """
    kept: list[Anchor] = []
    last: dict[int, Anchor] = {}
    for each in anchors:
        before = last.get(each.frame.camera)
        if before is not None:
            step = se3.inverse(before.map_from_cam) @ each.map_from_cam
            is_near = float(np.linalg.norm(step[:3, 3])) < min_step
            if is_near and angle_between(step[:3, :3], np.eye(3)) < _MIN_TURN_RAD:
                continue
        last[each.frame.camera] = each
        kept.append(each)
    return kept
