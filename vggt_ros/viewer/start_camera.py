"""Start camera: from where a map is looked at first."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.viewer.map_page import MapExtent

# In radii of the map: how far away, and how far above.
_BACK, _UP, _ABOVE = 1.25, 0.7, 2.2
# Where cameras are all around it, none of their sides is the front.
_MIN_OFFSET = 0.1


def start_position(extent: MapExtent) -> Float[np.ndarray, ' 3']:
    """Return (3,) a place in the map behind and above the cameras, from where most is seen."""
    side = extent.cameras - extent.center
    side[2] = 0.0
    length = float(np.linalg.norm(side))
    if length < _MIN_OFFSET * extent.radius:
        side, length = np.array([-1.0, -0.6, 0.0]), float(np.hypot(1.0, 0.6))
    offset = _BACK * side / length + np.array([0.0, 0.0, _UP])
    return extent.center + extent.radius * offset


def look_at_map(camera: Any, extent: MapExtent, *, is_above: bool = False) -> None:
    """Turn a camera of viser to the map.

    Args:
        camera: With `position` and `look_at`; the one of a visitor or the initial one.
        extent: Where the map is.
        is_above: Whether to look straight down.
    """
    position = start_position(extent)
    if is_above:
        # Not quite: straight down has no up.
        offset = np.array([-0.02 * extent.radius, 0.0, _ABOVE * extent.radius])
        position = extent.center + offset
    camera.position = position
    camera.look_at = extent.center
