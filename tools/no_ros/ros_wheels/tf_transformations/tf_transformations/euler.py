"""Euler angles.

The names of the axis sequences are 's' (about fixed axes) or 'r' (about the axes that turn along),
and the three axes in the order of the angles. Instead of a name there may be its tuple: index of
the first axis, whether the second axis goes against x y z x, whether the last axis is the first
one again, and whether the axes turn along.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from tf_transformations.quaternion import quaternion_matrix
import transforms3d

Axes = str | tuple[int, int, int, int]


def _axes_name(first: int, parity: int, repetition: int, frame: int) -> str:
    second, third = ((first + step) % 3 for step in ((2, 1) if parity else (1, 2)))
    sequence = [first, second, first if repetition else third]
    # About axes that turn along, the angles come in the opposite order.
    ordered = sequence[::-1] if frame else sequence
    return ('r' if frame else 's') + ''.join('xyz'[axis] for axis in ordered)


_TUPLE2AXES = {code: _axes_name(*code) for code in product(range(3), (0, 1), (0, 1), (0, 1))}
_AXES2TUPLE = {name: code for code, name in _TUPLE2AXES.items()}


def euler_matrix(ai: float, aj: float, ak: float, axes: Axes = 'sxyz') -> np.ndarray:
    """Return the (4, 4) rotation by three angles.

    Raises:
        KeyError: If there is no such axis sequence.
    """
    matrix = np.identity(4)
    matrix[:3, :3] = transforms3d.euler.euler2mat(ai, aj, ak, axes=axes)
    return matrix


def euler_from_matrix(matrix: ArrayLike, axes: Axes = 'sxyz') -> tuple[float, float, float]:
    """Return the three angles of a rotation, (3, 3) or (4, 4).

    Raises:
        KeyError: If there is no such axis sequence.
    """
    return transforms3d.euler.mat2euler(matrix, axes=axes)


def euler_from_quaternion(
    quaternion: ArrayLike, axes: Axes = 'sxyz'
) -> tuple[float, float, float]:
    """Return the three angles of a quaternion x y z w, of any length.

    Raises:
        KeyError: If there is no such axis sequence.
    """
    return euler_from_matrix(quaternion_matrix(quaternion), axes)


def quaternion_from_euler(
    ai: float, aj: float, ak: float, axes: Axes = 'sxyz'
) -> tuple[float, float, float, float]:
    """Return the quaternion x y z w of three angles.

    Raises:
        KeyError: If there is no such axis sequence.
    """
    w, x, y, z = transforms3d.euler.euler2quat(ai, aj, ak, axes=axes)
    return x, y, z, w
