"""The focal length of an uncalibrated window: the one with which its tracks fit best."""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Float
import numpy as np
from scipy.optimize import minimize_scalar

from vggt_ros.errors import AlignmentError
from vggt_ros.mapping.refinement.bundle_adjustment import Geometry, Problem
from vggt_ros.mapping.refinement.coarse_to_fine import adjust_in_stages, Stage
from vggt_ros.mapping.refinement.parallax import NUM_SIGMA
from vggt_ros.mapping.refinement.triangulation import reprojection_error_px

# The network is rarely farther off than this: log of a factor of 1.5 either way.
MAX_LOG_FACTOR = 0.4
# How sure the network's focal length is: standard deviation of its log.
FOCAL_LOG_SIGMA = 0.1
_TOLERANCE, _MAX_STEPS = 0.01, 9
_STAGES = (Stage(max_error_px=20.0, loss_px=2.0, max_iterations=8),)
_CLIP_PX = 4.0
# So much better is a focal length that is used: twice a log likelihood; and a share of what was
# left, at least this, and this times the log of the change.
_MIN_GAIN, _MIN_GAIN_SHARE, _GAIN_SHARE_OF_CHANGE = 25.0, 0.02, 0.5


def best_focal_factor(geometry: Geometry, problem: Problem, log_sigma: float) -> float:
    """Return the factor of all focal lengths with which cameras and points fit the tracks best.

    One unknown in a bracket: Brent's method ("Algorithms for Minimization without Derivatives",
    1973), every value an adjustment of cameras and points. What the network says counts as one
    observation with its own standard deviation.

    Args:
        geometry: Cameras and points that fit roughly.
        problem: Of some of the tracks: this takes about ten adjustments.
        log_sigma: How sure the given focal length is: standard deviation of its log.

    Returns:
        1 if the tracks do not tell.
    """

    def cost(log_factor: float) -> float:
        K = with_focal_factor(geometry.K, float(np.exp(log_factor)))
        try:
            found = adjust_in_stages(replace(geometry, K=K), problem, _STAGES)
        except AlignmentError:
            return float(problem.uv.size)
        is_placed = np.isfinite(found.window_from_cam[:, 0, 0])
        poses = np.where(is_placed[:, None, None], found.window_from_cam, np.eye(4))
        error_px = reprojection_error_px(found.points, problem.uv, K, poses, problem.sigma_px)
        error_px = error_px[:, is_placed]
        error_px = error_px[~np.isnan(error_px)]
        clipped = np.minimum(error_px, _CLIP_PX)
        return float((clipped**2).sum()) + (log_factor / log_sigma) ** 2

    result = minimize_scalar(
        cost,
        bounds=(-MAX_LOG_FACTOR, MAX_LOG_FACTOR),
        method='bounded',
        options={'xatol': _TOLERANCE, 'maxiter': _MAX_STEPS},
    )
    is_inside = abs(float(result.x)) < 0.95 * MAX_LOG_FACTOR
    return float(np.exp(result.x)) if is_inside and result.fun < cost(0.0) else 1.0


def is_clear_gain(
    before_px: Float[np.ndarray, 'N S'],
    after_px: Float[np.ndarray, 'N S'],
    max_px: float,
    factor: float,
) -> bool:
    """Return True if another focal length leaves clearly less of the observations.

    Twice the log of a likelihood ratio: errors are noise of a standard deviation of
    `max_px / NUM_SIGMA`, and beyond `max_px` one is as bad as another. Chance alone hardly ever
    gives more than ten. Things that move give more, with a focal length that is far off; but a
    given one that was far off leaves much more than noise. So a share of what was left is asked
    for that grows with the change.

    Args:
        before_px: What the given focal length leaves, NaN where there is none.
        after_px: What the other one leaves.
        max_px: Error up to which observations fit.
        factor: The other focal length over the given one.
    """
    cost = [
        (np.minimum(np.nan_to_num(px, nan=0.0, posinf=max_px) / max_px, 1.0) ** 2).sum()
        for px in (before_px, after_px)
    ]
    gain = NUM_SIGMA**2 * float(cost[0] - cost[1])
    share = max(_MIN_GAIN_SHARE, _GAIN_SHARE_OF_CHANGE * abs(float(np.log(factor))))
    return gain > _MIN_GAIN and bool(cost[1] < (1.0 - share) * cost[0])


def with_focal_factor(K: Float[np.ndarray, 'S 3 3'], factor: float) -> Float[np.ndarray, 'S 3 3']:
    """Return intrinsics with other focal lengths; the centers stay."""
    changed = K.copy()
    changed[:, :2, :2] *= factor
    return changed
