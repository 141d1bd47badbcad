"""Rigid transforms as pairs of a translation (3,) and a unit quaternion x, y, z, w."""

from __future__ import annotations

import numpy as np


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Hamilton product of quaternions in x, y, z, w order."""
    vector = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    return np.append(vector, a[3] * b[3] - a[:3] @ b[:3])


def conjugate(quat_xyzw: np.ndarray) -> np.ndarray:
    """Return the opposite rotation."""
    return quat_xyzw * np.array([-1.0, -1.0, -1.0, 1.0])


def rotate(quat_xyzw: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Turn a vector by a quaternion."""
    turn = 2.0 * np.cross(quat_xyzw[:3], vector)
    return vector + quat_xyzw[3] * turn + np.cross(quat_xyzw[:3], turn)


def compose(
    c_from_b: tuple[np.ndarray, np.ndarray], b_from_a: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return c_from_a; transforms are pairs (translation, quaternion)."""
    translation = c_from_b[0] + rotate(c_from_b[1], b_from_a[0])
    return translation, multiply(c_from_b[1], b_from_a[1])


def invert(b_from_a: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return a_from_b."""
    quat = conjugate(b_from_a[1])
    return -rotate(quat, b_from_a[0]), quat


def rotation_vector(quat_xyzw: np.ndarray) -> np.ndarray:
    """Return axis times angle in radians, at most pi."""
    if quat_xyzw[3] < 0:
        quat_xyzw = -quat_xyzw
    sine = float(np.linalg.norm(quat_xyzw[:3]))
    if sine < 1e-12:
        return 2.0 * quat_xyzw[:3]
    return quat_xyzw[:3] / sine * 2.0 * np.arctan2(sine, quat_xyzw[3])
