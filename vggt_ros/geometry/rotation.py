"""Rotations of 3D space, SO(3), as (3, 3) matrices and as quaternions with the scalar last."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError

_MIN_NORM = 1e-12


def matrix_from_quat_xyzw(quat_xyzw: Float[np.ndarray, '*n 4']) -> Float[np.ndarray, '*n 3 3']:
    """Turn quaternions (x, y, z, w) of any length but zero into rotation matrices.

    Raises:
        AlignmentError: A quaternion is zero or not finite: it stands for no rotation.
    """
    quat = np.asarray(quat_xyzw, dtype=np.float64)
    norm = np.linalg.norm(quat, axis=-1, keepdims=True)
    if not (np.isfinite(norm).all() and (norm > _MIN_NORM).all()):
        raise AlignmentError('a quaternion must be finite and longer than 0; normalize the source')
    x, y, z, w = np.moveaxis(quat / norm, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quat_xyzw_from_matrix(rotation: Float[np.ndarray, '*n 3 3']) -> Float[np.ndarray, '*n 4']:
    """Turn rotation matrices into unit quaternions (x, y, z, w) with w >= 0.

    All four products of a quaternion with one of its own components can be read off the matrix;
    the longest of the four loses the fewest digits, near half turns, too (Bar-Itzhack's and
    Shepperd's observation).
    """
    r = np.asarray(rotation, dtype=np.float64)
    xx, yy, zz = r[..., 0, 0], r[..., 1, 1], r[..., 2, 2]
    xy, xz, yz = (
        r[..., 1, 0] + r[..., 0, 1],
        r[..., 0, 2] + r[..., 2, 0],
        r[..., 2, 1] + r[..., 1, 2],
    )
    xw, yw, zw = (
        r[..., 2, 1] - r[..., 1, 2],
        r[..., 0, 2] - r[..., 2, 0],
        r[..., 1, 0] - r[..., 0, 1],
    )
    products = np.stack(
        [
            np.stack([1 + xx - yy - zz, xy, xz, xw], axis=-1),
            np.stack([xy, 1 - xx + yy - zz, yz, yw], axis=-1),
            np.stack([xz, yz, 1 - xx - yy + zz, zw], axis=-1),
            np.stack([xw, yw, zw, 1 + xx + yy + zz], axis=-1),
        ],
        axis=-2,
    )
    longest = np.argmax(np.diagonal(products, axis1=-2, axis2=-1), axis=-1)
    quat = np.take_along_axis(products, longest[..., None, None], axis=-2)[..., 0, :]
    quat = quat / np.linalg.norm(quat, axis=-1, keepdims=True)
    return np.where(quat[..., 3:] < 0, -quat, quat)


def quat_wxyz_from_matrix(rotation: Float[np.ndarray, '*n 3 3']) -> Float[np.ndarray, '*n 4']:
    """Return `quat_xyzw_from_matrix` with w first, as COLMAP and viser have it."""
    return np.roll(quat_xyzw_from_matrix(rotation), 1, axis=-1)


def cross_matrix(vectors: Float[np.ndarray, '*n 3']) -> Float[np.ndarray, '*n 3 3']:
    """Return the matrices whose product with a vector is the cross product with `vectors`."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    entries = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1)
    return entries.reshape(*vectors.shape, 3)


def matrix_from_rotation_vector(
    rotation_vector_rad: Float[np.ndarray, '*n 3'],
) -> Float[np.ndarray, '*n 3 3']:
    """Return the rotations about axes by the axes' lengths (Rodrigues' formula).

    Args:
        rotation_vector_rad: (..., 3) axis times angle, radians.
    """
    angle_rad = np.linalg.norm(rotation_vector_rad, axis=-1)
    half = 0.5 * angle_rad[..., None]
    # sin(a / 2) / a, which is 1/2 at zero.
    vector = rotation_vector_rad * 0.5 * np.sinc(half / np.pi)
    return matrix_from_quat_xyzw(np.concatenate([vector, np.cos(half)], axis=-1))


def rotation_vector_from_matrix(
    rotation: Float[np.ndarray, '*n 3 3'],
) -> Float[np.ndarray, '*n 3']:
    """Return axis times angle, radians, of rotations; the angle is at most pi."""
    quat = quat_xyzw_from_matrix(rotation)
    vector, w = quat[..., :3], quat[..., 3]
    sine = np.linalg.norm(vector, axis=-1)
    angle_rad = 2.0 * np.arctan2(sine, w)
    # angle / sin(angle / 2), which is 2 at zero.
    factor = np.where(sine > _MIN_NORM, angle_rad / np.maximum(sine, _MIN_NORM), 2.0)
    return np.asarray(vector * factor[..., None])


def nearest_rotation(matrix: Float[np.ndarray, '*n 3 3']) -> Float[np.ndarray, '*n 3 3']:
    """Return the rotation closest to each matrix in the Frobenius norm.

    Raises:
        AlignmentError: A matrix is not finite, or of rank one: no rotation is the closest.
    """
    if not np.isfinite(matrix).all():
        raise AlignmentError('a matrix with numbers that are not finite is near no rotation')
    u, singular, vt = np.linalg.svd(np.asarray(matrix, dtype=np.float64))
    if (singular[..., 1] <= _MIN_NORM * np.maximum(singular[..., 0], _MIN_NORM)).any():
        raise AlignmentError('a matrix of rank one or zero is near no single rotation')
    sign = np.ones_like(singular)
    sign[..., 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    return (u * sign[..., None, :]) @ vt


def rotation_angle(rotation: Float[np.ndarray, '*n 3 3']) -> Float[np.ndarray, '*n']:
    """Return the angle of each rotation in radians, 0..pi; exact near 0 and pi as well."""
    r = np.asarray(rotation, dtype=np.float64)
    axis = np.stack(
        [r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]],
        axis=-1,
    )
    # sine and cosine together: the cosine alone is blind to small angles.
    sine, cosine = np.linalg.norm(axis, axis=-1), np.trace(r, axis1=-2, axis2=-1) - 1
    return np.asarray(np.arctan2(sine, cosine))


def angle_between(a: Float[np.ndarray, '3 3'], b: Float[np.ndarray, '3 3']) -> float:
    """Return the angle of the rotation that leads from `a` to `b`, radians, 0..pi."""
    return float(rotation_angle(a.T @ b))


def mean_rotation(
    rotations: Float[np.ndarray, 'n 3 3'], weights: Float[np.ndarray, ' n'] | None = None
) -> Float[np.ndarray, '3 3']:
    """Return the rotation with the least weighted sum of squared chordal distances.

    Hartley et al., "Rotation Averaging", IJCV 2013, section 5.3: the sum of the matrices,
    projected onto SO(3).

    Raises:
        AlignmentError: There are none, or they cancel each other.
    """
    if len(rotations) == 0:
        raise AlignmentError('the mean of no rotations is not defined; give at least one')
    weights = np.ones(len(rotations)) if weights is None else weights
    return nearest_rotation(np.einsum('n,nij->ij', weights, rotations))
