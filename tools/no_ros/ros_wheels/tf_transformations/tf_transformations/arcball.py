"""A virtual trackball: dragging the pointer turns a sphere (Shoemake 1992)."""

from __future__ import annotations

from collections.abc import Sequence
import math

import numpy as np
from numpy.typing import ArrayLike
from tf_transformations.quaternion import (
    quaternion_from_matrix,
    quaternion_matrix,
    quaternion_multiply,
    quaternion_slerp,
)
from tf_transformations.vector import unit_vector

_EPS = np.finfo(np.float64).eps * 4.0


class Arcball:
    """Turns movements of a pointer over a window, x right and y down, into a rotation.

    Args:
        initial: The rotation to start with: a quaternion x y z w, or a (4, 4) matrix.

    Raises:
        ValueError: If `initial` is neither.
    """

    def __init__(self, initial: ArrayLike | None = None) -> None:
        self._center: tuple[float, float] = (0.0, 0.0)
        self._radius = 1.0
        self._axes: list[np.ndarray] = []
        self._is_constrained = False
        self._dragged_axis: np.ndarray | None = None
        self._down_on_sphere = np.array([0.0, 0.0, 1.0])
        self._at_down = _initial_quaternion(initial)
        self._before = self._now = self._at_down

    def place(self, center: Sequence[float], radius: float) -> None:
        """Set the sphere's center and radius in the window, for example when it is resized."""
        self._center = (float(center[0]), float(center[1]))
        self._radius = float(radius)

    def setaxes(self, *axes: ArrayLike) -> None:
        """Set the axes (3,) of which one is kept to while rotations are constrained."""
        self._axes = [unit_vector(axis) for axis in axes]

    def setconstrain(self, constrain: bool) -> None:
        """Set whether to rotate about one of the axes only, the one nearest to the pointer."""
        self._is_constrained = constrain is True

    def getconstrain(self) -> bool:
        """Whether to rotate about one of the axes only."""
        return self._is_constrained

    def down(self, point: Sequence[float]) -> None:
        """Begin to drag at a point (x, y) of the window."""
        self._down_on_sphere = arcball_map_to_sphere(point, self._center, self._radius)
        self._at_down = self._before = self._now
        self._dragged_axis = None
        if self._is_constrained and self._axes:
            self._dragged_axis = arcball_nearest_axis(self._down_on_sphere, self._axes)
            self._down_on_sphere = arcball_constrain_to_axis(
                self._down_on_sphere, self._dragged_axis
            )

    def drag(self, point: Sequence[float]) -> None:
        """Drag on to a point (x, y) of the window."""
        on_sphere = arcball_map_to_sphere(point, self._center, self._radius)
        if self._dragged_axis is not None:
            on_sphere = arcball_constrain_to_axis(on_sphere, self._dragged_axis)
        self._before = self._now
        axis = np.cross(self._down_on_sphere, on_sphere)
        if np.dot(axis, axis) < _EPS:
            self._now = self._at_down
        else:
            # Twice the rotation between the two points, so that a way around the window closes.
            twice = (*axis, np.dot(self._down_on_sphere, on_sphere))
            self._now = np.array(quaternion_multiply(twice, self._at_down))

    def next(self, acceleration: float = 0.0) -> None:
        """Go on turning by what was dragged last, times 1 + `acceleration`."""
        further = quaternion_slerp(self._before, self._now, 2.0 + acceleration, 0)
        self._before, self._now = self._now, further

    def matrix(self) -> np.ndarray:
        """Return the (4, 4) rotation."""
        return quaternion_matrix(self._now)


def arcball_map_to_sphere(
    point: Sequence[float], center: Sequence[float], radius: float
) -> np.ndarray:
    """Return the point (3,) of the unit sphere, seen along -z, under a point of the window.

    Outside of the sphere it is the nearest point of its outline.
    """
    x = (point[0] - center[0]) / radius
    y = (center[1] - point[1]) / radius
    square = x * x + y * y
    if square > 1.0:
        return np.array([x, y, 0.0]) / math.sqrt(square)
    return np.array([x, y, math.sqrt(1.0 - square)])


def arcball_constrain_to_axis(point: ArrayLike, axis: ArrayLike) -> np.ndarray:
    """Return the point of the great circle about an axis that is nearest to a point (3,).

    Points on the side of the sphere that cannot be seen are taken to the opposite one. For a
    point on the axis itself, any point of the circle.
    """
    point, axis = np.asarray(point, dtype=np.float64), np.asarray(axis, dtype=np.float64)
    across = point - axis * np.dot(axis, point)
    length = np.linalg.norm(across)
    if length > _EPS:
        return (-across if across[2] < 0.0 else across) / length
    if axis[2] == 1.0:
        return np.array([1.0, 0.0, 0.0])
    return unit_vector([-axis[1], axis[0], 0.0])


def arcball_nearest_axis(point: ArrayLike, axes: Sequence[ArrayLike]) -> ArrayLike:
    """Return the axis whose great circle is nearest to a point (3,)."""
    return max(axes, key=lambda axis: np.dot(arcball_constrain_to_axis(point, axis), point))


def _initial_quaternion(initial: ArrayLike | None) -> np.ndarray:
    if initial is None:
        return np.array([0.0, 0.0, 0.0, 1.0])
    initial = np.asarray(initial, dtype=np.float64)
    if initial.shape == (4, 4):
        return np.array(quaternion_from_matrix(initial))
    if initial.shape == (4,):
        return unit_vector(initial)
    raise ValueError(
        f'a trackball starts with a quaternion (4,) or a matrix (4, 4), not with {initial.shape}'
    )
