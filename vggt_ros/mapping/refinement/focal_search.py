"""The focal length of an uncalibrated window: the one with which its tracks fit best."""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Float
import numpy as np
from scipy.optimize import minimize_scalar

from vggt_ros.errors import AlignmentError
from vggt_ros.mapping.refinement.bundle_adjustment import Geometry, Problem
from vggt_ros.mapping.refinement.coarse_to_fine import adjust_in_stages, Stage
from vggt_ros.mapping.refinement.triangulation import reprojection_error_px

# The network is rarely farther off than this: log of a factor of 1.5 either way.
_MAX_LOG_FACTOR = 0.4
_TOLERANCE, _MAX_STEPS = 0.01, 9
_STAGES = (Stage(max_error_px=20.0, loss_px=2.0, max_iterations=8),)
_CLIP_PX = 4.0


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
        error_px = reprojection_error_px(found.points, problem.uv, K, poses)[:, is_placed]
        error_px = error_px[~np.isnan(error_px)]
        clipped = np.minimum(error_px, _CLIP_PX)
        return float((clipped**2).sum()) + (log_factor / log_sigma) ** 2

    result = minimize_scalar(
        cost,
        bounds=(-_MAX_LOG_FACTOR, _MAX_LOG_FACTOR),
        method='bounded',
        options={'xatol': _TOLERANCE, 'maxiter': _MAX_STEPS},
    )
    is_inside = abs(float(result.x)) < 0.95 * _MAX_LOG_FACTOR
    return float(np.exp(result.x)) if is_inside and result.fun < cost(0.0) else 1.0


def with_focal_factor(K: Float[np.ndarray, 'S 3 3'], factor: float) -> Float[np.ndarray, 'S 3 3']:
    """Return intrinsics with other focal lengths; the centers stay."""
    changed = K.copy()
    changed[:, :2, :2] *= factor
    return changed
