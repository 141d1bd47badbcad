"""Similarity fit: where one place is seen from another, by what their images show of each other.

Points that either place knows are seen in the images of the other one. What they are off there, in
pixels, is minimized over rotation, translation and scale, together with what the depths of points
are off that both know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project
from vggt_ros.geometry.robust import huber_weights, SIGMA_FROM_MAD
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3

_MAX_ITERATIONS = 10
_CONVERGED = 1e-4
_HUBER_PX = 1.0
# Where a feature is found is not better known than this.
_MIN_SIGMA_PX = 0.5
# Log of a depth that counts as much as a pixel.
_LOG_DEPTH_PER_PX = 0.05
# Largest step of the log of the scale.
_MAX_LOG_STEP = 0.5
# Points of one window err together: as if there were so many times fewer.
_CORRELATION = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairMatches:
    """Matched features of a query image and a stored image; m of them.

    Attributes:
        uv_query: (m, 2) pixels of the query image.
        uv_stored: (m, 2) of the stored image.
        points_query: (m, 3) in the query frame, its units; NaN where not known.
        points_stored: (m, 3) in the stored frame, its units; NaN where not known.
        cam_from_query: (4, 4) camera of the query image, rigid.
        cam_from_stored: (4, 4) camera of the stored image, rigid.
        K_query: (3, 3) intrinsics of the query image.
        K_stored: (3, 3) of the stored image.
    """

    uv_query: Float[np.ndarray, 'm 2']
    uv_stored: Float[np.ndarray, 'm 2']
    points_query: Float[np.ndarray, 'm 3']
    points_stored: Float[np.ndarray, 'm 3']
    cam_from_query: Float[np.ndarray, '4 4']
    cam_from_stored: Float[np.ndarray, '4 4']
    K_query: Float[np.ndarray, '3 3']
    K_stored: Float[np.ndarray, '3 3']

    def __len__(self) -> int:
        """Return m."""
        return len(self.uv_query)

    def select(self, rows: Bool[np.ndarray, ' m']) -> PairMatches:
        """Return some of the matches."""
        names = ('uv_query', 'uv_stored', 'points_query', 'points_stored')
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimilarityFit:
    """A similarity and how sure it is.

    Attributes:
        stored_from_query: The similarity.
        covariance: (7, 7) of an error on its right, in the query frame; see `uncertainty`.
        sigma_px: Robust standard deviation of a residual along one axis, pixels.
    """

    stored_from_query: Sim3
    covariance: Float[np.ndarray, '7 7']
    sigma_px: float


def errors_px(
    stored_from_query: Sim3, matches: PairMatches
) -> tuple[Float[np.ndarray, ' m'], Float[np.ndarray, ' m']]:
    """Return how far points are from where the other place sees them.

    Returns:
        Of the query's points in the stored image, and of the stored points in the query image;
        (m,) pixels each: NaN where there is no point, infinite behind the camera.
    """
    in_stored = se3.transform(
        matches.cam_from_stored, stored_from_query.apply(matches.points_query)
    )
    in_query = se3.transform(
        matches.cam_from_query, stored_from_query.inverse().apply(matches.points_stored)
    )
    return (
        _error_px(in_stored, matches.K_stored, matches.uv_stored),
        _error_px(in_query, matches.K_query, matches.uv_query),
    )


def log_depth_ratios(stored_from_query: Sim3, matches: PairMatches) -> Float[np.ndarray, ' m']:
    """Return log of depth that the stored place knows over depth that the query says, moved there.

    Returns:
        (m,) zero where the scales agree; NaN unless both places know the point.
    """
    moved = se3.transform(matches.cam_from_stored, stored_from_query.apply(matches.points_query))
    known = se3.transform(matches.cam_from_stored, matches.points_stored)
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.log(np.where(known[:, 2] > 0, known[:, 2], np.nan)) - np.log(
            np.where(moved[:, 2] > 0, moved[:, 2], np.nan)
        )


def fit_similarity(start: Sim3, pairs: Sequence[PairMatches]) -> SimilarityFit:
    """Return the similarity with the least sum of robust reprojection errors, both ways.

    Gauss and Newton with Huber's weights; the covariance is the inverse of the normal matrix times
    the variance of the residuals (Hartley and Zisserman, "Multiple View Geometry", section 5.2),
    enlarged because points of one window err together.

    Args:
        start: stored_from_query, good to some pixels.
        pairs: Matches that fit it; at least seven residuals in all.

    Raises:
        AlignmentError: The matches leave something of the similarity open.
    """
    current = start
    for _ in range(_MAX_ITERATIONS):
        residuals, jacobian = _linearized(current, pairs)
        weights = np.repeat(huber_weights(np.linalg.norm(residuals, axis=1), _HUBER_PX), 2)
        J = jacobian.reshape(-1, 7)
        normal = J.T @ (weights[:, None] * J)
        step = _solve(normal, -J.T @ (weights * residuals.ravel()))
        step[6] = np.clip(step[6], -_MAX_LOG_STEP, _MAX_LOG_STEP)
        current = current @ _small(step)
        if np.abs(step[:3]).max() < _CONVERGED and abs(step[6]) < _CONVERGED:
            break
    residuals, jacobian = _linearized(current, pairs)
    is_depth = residuals[:, 1] == 0.0
    sigma_px = SIGMA_FROM_MAD * float(np.median(np.abs(residuals[~is_depth])))
    sigma_px = max(sigma_px, _MIN_SIGMA_PX)
    weights = np.repeat(huber_weights(np.linalg.norm(residuals, axis=1), _HUBER_PX), 2)
    J = jacobian.reshape(-1, 7)
    inverse = _solve(J.T @ (weights[:, None] * J), np.eye(7))
    covariance = _CORRELATION * sigma_px**2 * 0.5 * (inverse + inverse.T)
    return SimilarityFit(stored_from_query=current, covariance=covariance, sigma_px=sigma_px)


def _error_px(
    points_in_cam: Float[np.ndarray, 'm 3'],
    K: Float[np.ndarray, '3 3'],
    uv: Float[np.ndarray, 'm 2'],
) -> Float[np.ndarray, ' m']:
    error = np.linalg.norm(project(points_in_cam, K) - uv, axis=1)
    return np.where(points_in_cam[:, 2] <= 0, np.inf, error)


def _small(step: Float[np.ndarray, ' 7']) -> Sim3:
    # First order in all but the rotation and the scale, which have to stay what they are.
    return Sim3(float(np.exp(step[6])), matrix_from_rotation_vector(step[:3]), step[3:6])


def _linearized(
    stored_from_query: Sim3, pairs: Sequence[PairMatches]
) -> tuple[Float[np.ndarray, 'n 2'], Float[np.ndarray, 'n 2 7']]:
    """Return residuals of all pairs, both ways, and what a small error of the similarity does."""
    query_from_stored = stored_from_query.inverse()
    residuals: list[np.ndarray] = []
    jacobians: list[np.ndarray] = []
    for pair in pairs:
        _add_depths(stored_from_query, pair, residuals, jacobians)
        known = np.isfinite(pair.points_query[:, 0])
        points = pair.points_query[known]
        cam_from_query = pair.cam_from_stored[:3, :3] @ stored_from_query.rotation
        in_cam = se3.transform(pair.cam_from_stored, stored_from_query.apply(points))
        residuals.append(project(in_cam, pair.K_stored) - pair.uv_stored[known])
        turn = stored_from_query.scale * cam_from_query
        jacobians.append(_projected(in_cam, pair.K_stored) @ (turn @ _moved(points)))
        known = np.isfinite(pair.points_stored[:, 0])
        in_query = query_from_stored.apply(pair.points_stored[known])
        in_cam = se3.transform(pair.cam_from_query, in_query)
        residuals.append(project(in_cam, pair.K_query) - pair.uv_query[known])
        turn = -pair.cam_from_query[:3, :3]
        jacobians.append(_projected(in_cam, pair.K_query) @ (turn @ _moved(in_query)))
    residual, jacobian = np.concatenate(residuals), np.concatenate(jacobians)
    use = np.isfinite(residual).all(axis=1)  # points that a step put behind a camera
    return residual[use], jacobian[use]


def _add_depths(
    stored_from_query: Sim3,
    pair: PairMatches,
    residuals: list[np.ndarray],
    jacobians: list[np.ndarray],
) -> None:
    """Append what depths of common points are off: without parallax nothing else has a scale."""
    ratios = log_depth_ratios(stored_from_query, pair)
    use = np.isfinite(ratios)
    points = pair.points_query[use]
    in_cam = se3.transform(pair.cam_from_stored, stored_from_query.apply(points))
    turn = stored_from_query.scale * pair.cam_from_stored[2, :3] @ stored_from_query.rotation
    change = -np.einsum('i,nik->nk', turn, _moved(points)) / in_cam[:, 2:]
    nothing = np.zeros(len(points))
    residuals.append(np.stack([ratios[use], nothing], axis=1) / _LOG_DEPTH_PER_PX)
    jacobians.append(np.stack([change, np.zeros((len(points), 7))], axis=1) / _LOG_DEPTH_PER_PX)


def _moved(points: Float[np.ndarray, 'n 3']) -> Float[np.ndarray, 'n 3 7']:
    """Return what a small rotation, translation and log scale do to points."""
    jacobian = np.zeros((len(points), 3, 7))
    x, y, z = points.T
    jacobian[:, 0, 1], jacobian[:, 0, 2] = z, -y
    jacobian[:, 1, 0], jacobian[:, 1, 2] = -z, x
    jacobian[:, 2, 0], jacobian[:, 2, 1] = y, -x
    jacobian[:, :, 3:6] = np.eye(3)
    jacobian[:, :, 6] = points
    return jacobian


def _projected(
    points_in_cam: Float[np.ndarray, 'n 3'], K: Float[np.ndarray, '3 3']
) -> Float[np.ndarray, 'n 2 3']:
    x, y, z = points_in_cam.T
    jacobian = np.zeros((len(points_in_cam), 2, 3))
    jacobian[:, 0, 0], jacobian[:, 0, 1] = K[0, 0] / z, K[0, 1] / z
    jacobian[:, 0, 2] = -(K[0, 0] * x + K[0, 1] * y) / z**2
    jacobian[:, 1, 1], jacobian[:, 1, 2] = K[1, 1] / z, -K[1, 1] * y / z**2
    return jacobian


def _solve(normal: Float[np.ndarray, '7 7'], right: np.ndarray) -> np.ndarray:
    # Scaled to ones on the diagonal: rotation, translation and scale have units of their own.
    size = np.sqrt(np.maximum(np.diag(normal), 1e-30))
    scaled = normal / np.outer(size, size)
    if np.linalg.cond(scaled) > 1e10:
        raise AlignmentError(
            'the matches of two places do not determine the similarity between them'
        )
    divisor = size if right.ndim == 1 else size[:, None]
    return np.linalg.solve(scaled, right / divisor) / divisor
