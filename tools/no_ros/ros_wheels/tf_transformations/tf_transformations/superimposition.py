"""The rotation, translation and scale that bring one set of points onto another."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from tf_transformations.quaternion import quaternion_matrix


def superimposition_matrix(
    v0: ArrayLike, v1: ArrayLike, scaling: bool = False, usesvd: bool = True
) -> np.ndarray:
    """Return the (4, 4) matrix that takes points as nearly as possible to other points.

    It minimizes the sum of the squared distances over all rotations and translations.

    Args:
        v0: (3, N) or (4, N) points, N >= 3; a fourth row is ignored.
        v1: The points to bring them to, in the same order.
        scaling: Also scale, by the ratio of the points' spreads about their centroids.
        usesvd: Find the rotation by singular values (Kabsch 1976), otherwise as the eigenvector
            of a quaternion form (Horn 1987).

    Raises:
        ValueError: If the sets differ in shape or have less than 3 points.
    """
    points0 = np.asarray(v0, dtype=np.float64)[:3]
    points1 = np.asarray(v1, dtype=np.float64)[:3]
    if points0.shape != points1.shape or points0.shape[1] < 3:
        raise ValueError(
            f'points of shapes {points0.shape} and {points1.shape} cannot be superimposed; they '
            'have to be alike and at least 3'
        )
    centroid0, centroid1 = points0.mean(axis=1), points1.mean(axis=1)
    centered0, centered1 = points0 - centroid0[:, None], points1 - centroid1[:, None]
    covariance = centered1 @ centered0.T
    linear = _rotation_by_svd(covariance) if usesvd else _rotation_by_quaternion(covariance)
    if scaling:
        linear = linear * np.sqrt(np.sum(centered1**2) / np.sum(centered0**2))
    matrix = np.identity(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = centroid1 - linear @ centroid0
    return matrix


def _rotation_by_svd(covariance: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(covariance)
    # The nearest orthogonal matrix may be a reflection; then the weakest direction is turned.
    handedness = np.linalg.det(left) * np.linalg.det(right)
    return left @ np.diag([1.0, 1.0, np.sign(handedness)]) @ right


def _rotation_by_quaternion(covariance: np.ndarray) -> np.ndarray:
    # The sum of (rotated point 0) . (point 1) is a quadratic form in the quaternion x y z w.
    antisymmetric = covariance - covariance.T
    form = np.empty((4, 4))
    form[:3, :3] = covariance + covariance.T - np.trace(covariance) * np.identity(3)
    form[3, :3] = form[:3, 3] = antisymmetric[[2, 0, 1], [1, 2, 0]]
    form[3, 3] = np.trace(covariance)
    _, eigenvectors = np.linalg.eigh(form)
    return quaternion_matrix(eigenvectors[:, -1])[:3, :3]
