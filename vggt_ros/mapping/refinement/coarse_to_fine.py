"""Bundle adjustment from a start that may be far off: coarse to fine, points made anew between."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float
import numpy as np

from vggt_ros.mapping.refinement.bundle_adjustment import adjust, Geometry, Problem
from vggt_ros.mapping.refinement.triangulation import (
    largest_angle_rad,
    rays_in_window,
    reprojection_error_px,
    triangulate,
)

# Below this angle between its rays a point has no depth of its own.
MIN_ANGLE_RAD = np.radians(0.5)
_CLIP_PX = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One adjustment.

    Attributes:
        max_error_px: Observations farther off at its begin take no part.
        loss_px: Scale of the loss.
        max_iterations: Most of them.
    """

    max_error_px: float
    loss_px: float
    max_iterations: int


FROM_FAR = (
    Stage(max_error_px=60.0, loss_px=10.0, max_iterations=8),
    Stage(max_error_px=15.0, loss_px=3.0, max_iterations=8),
    Stage(max_error_px=4.0, loss_px=1.0, max_iterations=8),
)
FROM_NEAR, FROM_ADJUSTED = FROM_FAR[1:], FROM_FAR[2:]


def adjust_in_stages(
    start: Geometry, problem: Problem, stages: tuple[Stage, ...] = FROM_FAR
) -> Geometry:
    """Adjust cameras and points, from observations that fit roughly to those that fit well.

    Before every stage all points are triangulated again from the cameras as they are then; of
    the new and the old point the one that fits its track better is kept.

    Args:
        start: Cameras with poses of NaN are left out and stay so.
        problem: What is known.
        stages: Coarse to fine.

    Raises:
        AlignmentError: The problem is not determined.
    """
    geometry = start
    is_placed = np.isfinite(start.window_from_cam[:, 0, 0])
    uv = np.where(is_placed[:, None], problem.uv, np.nan)
    for stage in stages:
        geometry, error_px = with_better_points(geometry, uv, problem.sigma_px)
        with np.errstate(invalid='ignore'):
            use = error_px < stage.max_error_px
        points = np.where((use.sum(axis=1) >= 2)[:, None], geometry.points, np.nan)
        near = replace(problem, uv=np.where(use[..., None], uv, np.nan))
        poses = np.where(is_placed[:, None, None], geometry.window_from_cam, np.eye(4))
        found = adjust(
            replace(geometry, window_from_cam=poses, points=points),
            near,
            loss_px=stage.loss_px,
            max_iterations=stage.max_iterations,
        )
        geometry = replace(
            found,
            window_from_cam=np.where(is_placed[:, None, None], found.window_from_cam, np.nan),
        )
    return with_better_points(geometry, uv, problem.sigma_px)[0]


def with_better_points(
    geometry: Geometry,
    uv: Float[np.ndarray, 'N S 2'],
    sigma_px: Float[np.ndarray, ' N'] | float = 1.0,
) -> tuple[Geometry, Float[np.ndarray, 'N S']]:
    """Return the geometry with points triangulated anew where that fits better, and the errors.

    Args:
        geometry: Cameras and points.
        uv: (N, S, 2) observations, NaN where there is none.
        sigma_px: Their standard deviation, of each track or of all; errors are divided by it.
    """
    is_placed = np.isfinite(geometry.window_from_cam[:, 0, 0])
    poses = np.where(is_placed[:, None, None], geometry.window_from_cam, np.eye(4))
    seen = np.where(is_placed[:, None], uv, np.nan)
    rays = rays_in_window(seen, geometry.K, poses)
    again = triangulate(rays, poses)
    has_rays = np.isfinite(seen[..., 0]).any(axis=1)
    is_flat = np.ones(len(again), dtype=bool)
    is_flat[has_rays] = largest_angle_rad(rays[has_rays]) < MIN_ANGLE_RAD
    # Rays that are nearly parallel meet anywhere: what is known of the depth is better.
    again[is_flat & np.isfinite(geometry.points[:, 0])] = np.nan
    old_px = reprojection_error_px(geometry.points, seen, geometry.K, poses, sigma_px)
    new_px = reprojection_error_px(again, seen, geometry.K, poses, sigma_px)
    is_better = _total(new_px, again) < _total(old_px, geometry.points)
    return (
        replace(geometry, points=np.where(is_better[:, None], again, geometry.points)),
        np.where(is_better[:, None], new_px, old_px),
    )


def _total(
    error_px: Float[np.ndarray, 'N S'], points: Float[np.ndarray, 'N 3']
) -> Float[np.ndarray, ' N']:
    total = np.nansum(np.minimum(error_px, _CLIP_PX), axis=1)
    return np.where(np.isfinite(points[:, 0]), total, np.inf)
