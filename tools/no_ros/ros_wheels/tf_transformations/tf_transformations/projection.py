"""Projections onto planes, and of frustums onto the unit cube.

A plane is given by a point p and its unit normal n. With s = (e - p).n, the homogeneous matrix of
the perspective projection from an eye e is

    [ s I - e n^T   (p.n) e ]
    [    -n^T         e.n   ]

which has the eye in its kernel and multiplies the points of the plane by s. Parallel projection
along d is the limit for an eye far away: I - d n^T / d.n, with the translation d (p.n) / d.n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from tf_transformations.vector import unit_vector

_EPS = np.finfo(np.float64).eps * 4.0
_TOLERANCE = 1e-8

Plane = tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None, bool]


def projection_matrix(
    point: ArrayLike,
    normal: ArrayLike,
    direction: ArrayLike | None = None,
    perspective: ArrayLike | None = None,
    pseudo: bool = False,
) -> np.ndarray:
    """Return the (4, 4) projection onto the plane of a point and a normal.

    Args:
        point: A point (3,) of the plane.
        normal: The plane's normal (3,), of any length.
        direction: Project along this direction instead of along the normal.
        perspective: Project from this point; a direction is then ignored.
        pseudo: Keep the order of depths in a perspective projection: the matrix followed by the
            projection along the normal is then the perspective projection.
    """
    n = unit_vector(np.asarray(normal, dtype=np.float64)[:3])
    p = np.asarray(point, dtype=np.float64)[:3]
    matrix = np.identity(4)
    if perspective is None:
        d = n if direction is None else np.asarray(direction, dtype=np.float64)[:3]
        along = d / np.dot(d, n)
        matrix[:3, :3] -= np.outer(along, n)
        matrix[:3, 3] = np.dot(p, n) * along
        return matrix
    eye = np.asarray(perspective, dtype=np.float64)[:3]
    target = eye + n if pseudo else eye
    matrix[:3, :3] = np.dot(eye - p, n) * np.identity(3) - np.outer(target, n)
    matrix[:3, 3] = np.dot(p, n) * target
    matrix[3] = [*-n, np.dot(eye, n)]
    return matrix


def projection_from_matrix(matrix: ArrayLike, pseudo: bool = False) -> Plane:
    """Return the arguments with which `projection_matrix` makes a matrix.

    Args:
        matrix: A (4, 4) projection.
        pseudo: Whether a perspective one keeps the order of depths.

    Returns:
        Point (4,), homogeneous, unit normal (3,), direction (3,) or None, perspective point (3,)
        or None, and pseudo. The direction of a projection along the normal is that normal.

    Raises:
        ValueError: If the matrix is no projection.
    """
    matrix = np.array(matrix, dtype=np.float64)
    if np.abs(matrix[3, :3]).max() < _TOLERANCE:
        return _parallel_from_matrix(matrix)
    matrix /= np.linalg.norm(matrix[3, :3])
    n = -matrix[3, :3]
    eye_along_n = matrix[3, 3]
    target_along_n = eye_along_n + 1.0 if pseudo else eye_along_n
    # The trace of s I - target n^T is 3 s - target.n.
    scale = (np.trace(matrix[:3, :3]) + target_along_n) / 3.0
    target = scale * n - matrix[:3, :3] @ n
    point = (eye_along_n - scale) * n
    return np.append(point, 1.0), n, None, target - n if pseudo else target, pseudo


def _parallel_from_matrix(matrix: np.ndarray) -> Plane:
    matrix = matrix / matrix[3, 3]
    linear = matrix[:3, :3]
    is_projection = np.allclose(matrix @ matrix, matrix, atol=_TOLERANCE)
    if not is_projection or round(np.trace(linear)) != 2:
        raise ValueError(
            'the matrix does not project onto a plane: it has no eigenvector for eigenvalue 0, '
            'or does not leave the plane as it is'
        )
    # d n^T / d.n: every column is a multiple of d, every row one of n.
    removed = np.identity(3) - linear
    direction = unit_vector(removed[:, np.argmax(np.linalg.norm(removed, axis=0))])
    normal = unit_vector(removed[np.argmax(np.linalg.norm(removed, axis=1))])
    return matrix[:, 3].copy(), normal, direction, None, False


def clip_matrix(
    left: float,
    right: float,
    bottom: float,
    top: float,
    near: float,
    far: float,
    perspective: bool = False,
) -> np.ndarray:
    """Return the (4, 4) matrix that takes a frustum onto the cube [-1, 1] in x, y and z.

    Args:
        left: Smallest x.
        right: Greatest x.
        bottom: Smallest y.
        top: Greatest y.
        near: Smallest z.
        far: Greatest z.
        perspective: Whether the bounds in x and y hold at `near` and grow with z (a truncated
            pyramid); the result is then to be divided by its fourth coordinate.

    Raises:
        ValueError: If the frustum is empty, or one with perspective does not start beyond 0.
    """
    lower, upper = np.array([left, bottom, near]), np.array([right, top, far])
    if np.any(lower >= upper):
        raise ValueError(
            f'invalid frustum: left {left} to right {right}, bottom {bottom} to top {top}, '
            f'near {near} to far {far} have to grow'
        )
    if perspective and near <= _EPS:
        raise ValueError(f'invalid frustum: near {near} <= 0')
    size = upper - lower
    middle = (upper + lower) / size
    matrix = np.zeros((4, 4))
    if not perspective:
        matrix[:3, :3] = np.diag(2.0 / size)
        matrix[:3, 3] = -middle
        matrix[3, 3] = 1.0
        return matrix
    # Divided by -z, x and y scale with near / z, and z becomes hyperbolic.
    matrix[[0, 1], [0, 1]] = -2.0 * near / size[:2]
    matrix[:2, 2] = middle[:2]
    matrix[2, 2:] = -middle[2], 2.0 * near * far / size[2]
    matrix[3, 2] = -1.0
    return matrix
