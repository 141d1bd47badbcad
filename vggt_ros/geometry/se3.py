"""Rigid transforms of 3D space, SE(3), as (4, 4) matrices `b_from_a`; they compose by `@`."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np


def rigid(
    rotation: Float[np.ndarray, '*n 3 3'], translation: Float[np.ndarray, '*n 3']
) -> Float[np.ndarray, '*n 4 4']:
    """Return `b_from_a` with x_in_b = rotation @ x_in_a + translation."""
    b_from_a = np.zeros((*rotation.shape[:-2], 4, 4))
    b_from_a[..., :3, :3] = rotation
    b_from_a[..., :3, 3] = translation
    b_from_a[..., 3, 3] = 1.0
    return b_from_a


def inverse(b_from_a: Float[np.ndarray, '*n 4 4']) -> Float[np.ndarray, '*n 4 4']:
    """Return `a_from_b`; the rotation must be orthonormal."""
    a_from_b_rotation = np.swapaxes(b_from_a[..., :3, :3], -1, -2)
    translation = -(a_from_b_rotation @ b_from_a[..., :3, 3:])[..., 0]
    return rigid(a_from_b_rotation, translation)


def transform(
    b_from_a: Float[np.ndarray, '4 4'], points_in_a: Float[np.ndarray, '*n 3']
) -> Float[np.ndarray, '*n 3']:
    """Map points from frame a to frame b; the result has the precision of the points."""
    rotation = b_from_a[:3, :3].astype(points_in_a.dtype)
    translation = b_from_a[:3, 3].astype(points_in_a.dtype)
    return points_in_a @ rotation.T + translation


def is_rigid(b_from_a: Float[np.ndarray, '4 4'], tolerance: float = 1e-4) -> bool:
    """Return True for a finite rotation and translation with the last row 0 0 0 1."""
    if not np.isfinite(b_from_a).all():
        return False
    rotation = b_from_a[:3, :3]
    return bool(
        np.abs(rotation @ rotation.T - np.eye(3)).max() <= tolerance
        and np.linalg.det(rotation) > 0
        and np.abs(b_from_a[3] - (0, 0, 0, 1)).max() <= tolerance
    )
