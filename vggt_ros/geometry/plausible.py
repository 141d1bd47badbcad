"""Plausibility of a robot's transforms: finite, rigid, and not beyond all bounds."""

from __future__ import annotations

import math

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3

# Half way around the Earth: coordinates of maps (UTM's northings reach 1e7 m) and of the Earth's
# frame are within it, and doubles still resolve nanometers there. Squares and cubes of what is
# within stay far from overflow.
MAX_LENGTH_M = 2e7
# From one part of a robot to another: ships and cranes are shorter.
MAX_MOUNT_M = 1e3


def implausible(b_from_a: Float[np.ndarray, '4 4'], max_length: float = MAX_LENGTH_M) -> str:
    """Return why a transform cannot be one of a robot; empty if it can.

    Args:
        b_from_a: (4, 4), as another node or a file says.
        max_length: Longest translation, in its unit; `MAX_MOUNT_M` from one part of a robot to
            another.
    """
    x, y, z = (float(each) for each in b_from_a[:3, 3])
    if not np.isfinite(b_from_a).all():
        return f'its translation is ({x:g}, {y:g}, {z:g}) and it is not finite everywhere'
    if math.hypot(x, y, z) > max_length:
        return f'its translation is ({x:g}, {y:g}, {z:g}), longer than {max_length:g} m'
    if not se3.is_rigid(b_from_a):
        determinant = float(np.linalg.det(b_from_a[:3, :3]))
        return f'it is not rigid: the determinant of its rotation is {determinant:.6g}, not 1'
    return ''
