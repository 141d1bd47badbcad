"""Quaternions in ROS's order: x y z w."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from tf_transformations.vector import unit_vector
import transforms3d

_EPS = np.finfo(np.float64).eps * 4.0


def quaternion_about_axis(angle: float, axis: ArrayLike) -> tuple[float, float, float, float]:
    """Return the quaternion of a rotation about an axis (3,)."""
    return _w_last(transforms3d.quaternions.axangle2quat(axis, angle))


def quaternion_matrix(quaternion: ArrayLike) -> np.ndarray:
    """Return the (4, 4) rotation of a quaternion of any length; identity for length 0."""
    matrix = np.identity(4)
    matrix[:3, :3] = transforms3d.quaternions.quat2mat(_w_first(quaternion))
    return matrix


def quaternion_from_matrix(matrix: ArrayLike) -> tuple[float, float, float, float]:
    """Return the quaternion, with w >= 0, of the rotation within a (4, 4) matrix.

    Scale and shear are taken out first.
    """
    rotation = transforms3d.affines.decompose(np.asarray(matrix))[1]
    return _w_last(transforms3d.quaternions.mat2quat(rotation))


def quaternion_multiply(
    quaternion1: ArrayLike, quaternion0: ArrayLike
) -> tuple[float, float, float, float]:
    """Return the product of two quaternions; as rotations, `quaternion0` acts first."""
    return _w_last(transforms3d.quaternions.qmult(_w_first(quaternion1), _w_first(quaternion0)))


def quaternion_conjugate(quaternion: ArrayLike) -> np.ndarray:
    """Return (4,) the quaternion with x, y and z negated."""
    x, y, z, w = quaternion
    return np.array((-x, -y, -z, w))


def quaternion_inverse(quaternion: ArrayLike) -> np.ndarray:
    """Return (4,) the quaternion whose product with the given one is 0 0 0 1."""
    return quaternion_conjugate(quaternion) / np.dot(quaternion, quaternion)


def quaternion_slerp(
    quat0: ArrayLike,
    quat1: ArrayLike,
    fraction: float,
    spin: int = 0,
    shortestpath: bool = True,
) -> np.ndarray:
    """Return (4,) the unit quaternion on the great arc between two quaternions (Shoemake 1985).

    Args:
        quat0: The result for a fraction of 0, once scaled to length 1.
        quat1: The result for a fraction of 1, likewise.
        fraction: How far along the arc; may lie outside [0, 1].
        spin: Half turns added on the way.
        shortestpath: Take -quat1, the same rotation, if that one is nearer to quat0.
    """
    start, end = unit_vector(np.asarray(quat0)[:4]), unit_vector(np.asarray(quat1)[:4])
    if fraction == 0.0:
        return start
    if fraction == 1.0:
        return end
    cosine = np.dot(start, end)
    if abs(abs(cosine) - 1.0) < _EPS:
        return start
    if shortestpath and cosine < 0.0:
        cosine, end = -cosine, -end
    angle = math.acos(cosine) + spin * math.pi
    if abs(angle) < _EPS:
        return start
    weights = math.sin((1.0 - fraction) * angle), math.sin(fraction * angle)
    return (weights[0] * start + weights[1] * end) / math.sin(angle)


def random_quaternion(rand: ArrayLike | None = None) -> np.ndarray:
    """Return (4,) a unit quaternion, uniformly distributed over the rotations (Shoemake 1992).

    Args:
        rand: Three numbers, uniformly distributed in [0, 1), to make it of; drawn by default.

    Raises:
        AssertionError: If there are not three of them.
    """
    if rand is None:
        rand = np.random.random(3)  # noqa: NPY002 - follows numpy.random.seed, like the original
    assert len(rand) == 3, f'a rotation is made of 3 random numbers, not of {len(rand)}'
    angles = 2.0 * math.pi * np.asarray(rand[1:], dtype=np.float64)
    sine, cosine = np.sin(angles), np.cos(angles)
    radius_xy, radius_zw = math.sqrt(1.0 - rand[0]), math.sqrt(rand[0])
    return np.array(
        (sine[0] * radius_xy, cosine[0] * radius_xy, sine[1] * radius_zw, cosine[1] * radius_zw)
    )


def random_rotation_matrix(rand: ArrayLike | None = None) -> np.ndarray:
    """Return a (4, 4) rotation, uniformly distributed; `rand` as for `random_quaternion`."""
    return quaternion_matrix(random_quaternion(rand))


def _w_first(quaternion: ArrayLike) -> tuple[float, float, float, float]:
    x, y, z, w = quaternion
    return w, x, y, z


def _w_last(quaternion: ArrayLike) -> tuple[float, float, float, float]:
    w, x, y, z = quaternion
    return x, y, z, w
