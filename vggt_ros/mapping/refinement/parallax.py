"""Parallax: whether tracks tell where the cameras of a window are, or only how they turn."""

from __future__ import annotations

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.mapping.refinement.track_score import INLIER_PX

# Observations within so many standard deviations of their noise fit; no threshold is less than
# this, for noise that looks smaller than it is where few observations are left over.
NUM_SIGMA, _MIN_FIT_PX = 3.5, 0.25
_MIN_NOISE_PX = 0.02
# Median length of a vector of two normal numbers.
_MEDIAN = np.sqrt(2.0 * np.log(2.0))
# Unknowns of a point, and of a camera, if cameras move and if they only turn.
MOVING, TURNING = (3, 6), (2, 3)


def fit_px(
    error_px: Float[np.ndarray, 'N S'],
    is_inlier: Bool[np.ndarray, 'N S'],
    unknowns: tuple[int, int] = MOVING,
) -> float:
    """Return the error up to which an observation fits.

    The noise is estimated from what is left of the inliers, with the degrees of freedom that
    points and cameras took.

    Args:
        error_px: What the model leaves, NaN where there is no observation.
        is_inlier: Observations that count.
        unknowns: `MOVING` or `TURNING`.

    Returns:
        Pixels, at most `INLIER_PX`.
    """
    freedom = _freedom(is_inlier, unknowns)
    if freedom <= 0:
        return INLIER_PX
    sigma_px = float(np.sqrt((error_px[is_inlier] ** 2).sum() / freedom))
    return float(np.clip(NUM_SIGMA * sigma_px, _MIN_FIT_PX, INLIER_PX))


def noise_px(error_px: Float[np.ndarray, 'N S'], is_inlier: Bool[np.ndarray, 'N S']) -> float:
    """Return the standard deviation of most observations of an adjusted window along each axis.

    It is that of the middle of the errors, not of their tails: the loss of an adjustment takes
    little notice of these.

    Args:
        error_px: Reprojection errors, NaN where there is none.
        is_inlier: Observations that count.
    """
    freedom = _freedom(is_inlier, MOVING)
    if freedom <= 0:
        return INLIER_PX / NUM_SIGMA
    share = freedom / (2.0 * is_inlier.sum())
    return max(float(np.median(error_px[is_inlier])) / (_MEDIAN * np.sqrt(share)), _MIN_NOISE_PX)


def _freedom(is_inlier: Bool[np.ndarray, 'N S'], unknowns: tuple[int, int]) -> int:
    num_points, num_cameras = is_inlier.any(axis=1).sum(), is_inlier.any(axis=0).sum()
    taken = unknowns[0] * num_points + unknowns[1] * max(num_cameras - 1, 0)
    return int(2 * is_inlier.sum() - taken)


def support(
    error_px: Float[np.ndarray, 'N S'], max_error_px: float, unknowns: tuple[int, int]
) -> float:
    """Return how many observations a model explains beside those that its unknowns take.

    A point that only turns past the cameras has two unknowns, a point in space three: half as
    many of its observations would fit anyway. The same for cameras.

    Args:
        error_px: What the model leaves; NaN where there is none.
        max_error_px: Up to this an observation is explained.
        unknowns: `MOVING` or `TURNING`.
    """
    of_point, of_camera = unknowns
    known_px = np.nan_to_num(error_px, nan=max_error_px, posinf=max_error_px)
    worth = 1.0 - np.minimum(known_px / max_error_px, 1.0) ** 2
    num_cameras = int((worth.sum(axis=0) > 0).sum())
    beside = np.maximum(worth.sum(axis=1) - 0.5 * of_point, 0.0).sum()
    return float(beside) - 0.5 * of_camera * max(num_cameras - 1, 0)
