"""Homogeneous matrices: translation, rotation, reflection, scaling, shear, and all together."""

from __future__ import annotations

from functools import reduce
import math

import numpy as np
from numpy.typing import ArrayLike
import transforms3d

TRANSLATION_IDENTITY = [0.0, 0.0, 0.0]
ROTATION_IDENTITY = np.identity(3, dtype=np.float64)
ZOOM_IDENTITY = [1.0, 1.0, 1.0]
SHEAR_IDENTITY = TRANSLATION_IDENTITY


def identity_matrix() -> np.ndarray:
    """Return the (4, 4) matrix that changes nothing."""
    return np.identity(4, dtype=np.float64)


def translation_matrix(direction: ArrayLike) -> np.ndarray:
    """Return the (4, 4) translation by a vector (3,)."""
    return transforms3d.affines.compose(direction, ROTATION_IDENTITY, ZOOM_IDENTITY)


def translation_from_matrix(matrix: ArrayLike) -> np.ndarray:
    """Return the translation (3,) of a (4, 4) matrix."""
    return np.array(matrix, dtype=np.float64)[:3, 3]


def reflection_matrix(point: ArrayLike, normal: ArrayLike) -> np.ndarray:
    """Return the (4, 4) reflection in the plane through a point with a normal (3,)."""
    return transforms3d.reflections.rfnorm2aff(normal, np.asarray(point)[:3])


def reflection_from_matrix(matrix: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return a point and the normal of a reflection's plane.

    Raises:
        ValueError: If the matrix is no reflection.
    """
    normal, point = transforms3d.reflections.aff2rfnorm(matrix)
    return point, normal


def rotation_matrix(
    angle: float, direction: ArrayLike, point: ArrayLike | None = None
) -> np.ndarray:
    """Return the (4, 4) rotation by an angle about the axis with a direction through a point.

    Without a point the axis goes through the origin.
    """
    return transforms3d.axangles.axangle2aff(direction, angle, point=point)


def rotation_from_matrix(matrix: ArrayLike) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the angle, the axis (3,) and a point (4,), homogeneous, on the axis of a rotation.

    Raises:
        ValueError: If the matrix is no rotation.
    """
    direction, angle, point = transforms3d.axangles.aff2axangle(matrix)
    return angle, direction, point


def scale_matrix(
    factor: float, origin: ArrayLike | None = None, direction: ArrayLike | None = None
) -> np.ndarray:
    """Return the (4, 4) scaling by a factor that leaves the origin in place.

    With a direction it scales along that one only. A factor of -1 without one mirrors at a point.
    """
    return transforms3d.zooms.zfdir2aff(factor, direction=direction, origin=origin)


def scale_from_matrix(matrix: ArrayLike) -> tuple[float, np.ndarray, np.ndarray | None]:
    """Return the factor, the origin and the direction (None for all) of a scaling."""
    factor, direction, origin = transforms3d.zooms.aff2zfdir(matrix)
    return factor, origin, direction


def shear_matrix(
    angle: float, direction: ArrayLike, point: ArrayLike, normal: ArrayLike
) -> np.ndarray:
    """Return the (4, 4) shear by an angle along a direction within the plane of point and normal.

    That direction and normal are perpendicular is not checked.
    """
    return transforms3d.shears.sadn2aff(angle, direction, normal, point)


def shear_from_matrix(
    matrix: ArrayLike,
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Return the angle, the direction, and a point and the normal of the plane of a shear.

    That the matrix is a shear is not checked.
    """
    angle, direction, normal, point = transforms3d.shears.aff2sadn(matrix)
    return angle, direction, point, normal


def decompose_matrix(
    matrix: ArrayLike,
) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float], np.ndarray, None]:
    """Return scale (3,), shear (3,), Euler angles 'sxyz', translation (3,) of a (4, 4) matrix.

    The fifth element, the perspective, is always None, as in the original.
    """
    translation, rotation, scale, shear = transforms3d.affines.decompose(np.asarray(matrix))
    return scale, shear, transforms3d.euler.mat2euler(rotation), translation, None


def compose_matrix(
    scale: ArrayLike | None = None,
    shear: ArrayLike | None = None,
    angles: ArrayLike | None = None,
    translate: ArrayLike | None = None,
    perspective: ArrayLike | None = None,
) -> np.ndarray:
    """Return the (4, 4) matrix that scales, shears, rotates by Euler angles 'sxyz', and moves.

    What is not given changes nothing. The perspective is ignored, as in the original.
    """
    return transforms3d.affines.compose(
        TRANSLATION_IDENTITY if translate is None else translate,
        ROTATION_IDENTITY if angles is None else transforms3d.euler.euler2mat(*angles),
        ZOOM_IDENTITY if scale is None else scale,
        SHEAR_IDENTITY if shear is None else shear,
    )


def orthogonalization_matrix(lengths: ArrayLike, angles: ArrayLike) -> np.ndarray:
    """Return the (4, 4) matrix from a crystal's fractional coordinates to Cartesian ones.

    Args:
        lengths: The cell's edges a, b, c. In the result c lies along z and b in the plane y z.
        angles: The angles alpha (b, c), beta (a, c) and gamma (a, b), in degrees.
    """
    alpha, beta, gamma = np.radians(angles)
    a_z = math.cos(beta)
    a_y = (math.cos(gamma) - math.cos(alpha) * math.cos(beta)) / math.sin(alpha)
    a_x = math.sqrt(1.0 - a_y**2 - a_z**2)
    directions = [
        [a_x, 0.0, 0.0],
        [a_y, math.sin(alpha), 0.0],
        [a_z, math.cos(alpha), 1.0],
    ]
    matrix = identity_matrix()
    matrix[:3, :3] = np.array(directions) * np.asarray(lengths, dtype=np.float64)
    return matrix


def inverse_matrix(matrix: ArrayLike) -> np.ndarray:
    """Return the inverse of a square matrix of any size.

    Raises:
        numpy.linalg.LinAlgError: If it has none.
    """
    return np.linalg.inv(matrix)


def concatenate_matrices(*matrices: ArrayLike) -> np.ndarray:
    """Return the product of (4, 4) matrices; the last one acts first."""
    return reduce(np.dot, matrices, identity_matrix())


def is_same_transform(matrix0: ArrayLike, matrix1: ArrayLike) -> bool:
    """Whether two (4, 4) matrices transform alike, that is, are the same up to a factor."""
    matrix0 = np.asarray(matrix0, dtype=np.float64)
    matrix1 = np.asarray(matrix1, dtype=np.float64)
    return bool(np.allclose(matrix0 / matrix0[3, 3], matrix1 / matrix1[3, 3]))
