"""A start from the network: its cameras, and points where its depth has them."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.robust import median_and_sigma
from vggt_ros.mapping.refinement.bundle_adjustment import DepthPrior, Geometry
from vggt_ros.mapping.refinement.triangulation import largest_angle_rad, rays_in_window

# Points whose rays meet at a smaller angle do not tell how wrong the network's depth is.
_CLEAR_ANGLE_RAD = np.radians(2.0)
_MIN_POINTS = 20
# A depth is never better than this, and beyond the other limit it says nothing.
_MIN_LOG_SIGMA, _MAX_LOG_SIGMA = 0.03, 0.6
_USUAL_LOG_SIGMA = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkEstimate:
    """What the network says of a window, in the frame and the unit of the window.

    Attributes:
        window_from_cam: (S, 4, 4) rigid poses.
        track_depth: (N, S) its depth where a track is seen, NaN where it has none.
    """

    window_from_cam: Float[np.ndarray, 'S 4 4']
    track_depth: Float[np.ndarray, 'N S']


def start_from_network(
    estimate: NetworkEstimate, uv: Float[np.ndarray, 'N S 2'], K: Float[np.ndarray, 'S 3 3']
) -> Geometry:
    """Return the network's cameras, and for every track the middle of what they say of it.

    Args:
        estimate: The network's.
        uv: (N, S, 2) observations.
        K: (S, 3, 3) intrinsics.
    """
    poses, depth = estimate.window_from_cam, estimate.track_depth
    y = (uv[..., 1] - K[:, 1, 2]) / K[:, 1, 1]
    x = (uv[..., 0] - K[:, 0, 2] - K[:, 0, 1] * y) / K[:, 0, 0]
    in_cam = np.stack([x * depth, y * depth, depth], axis=-1)
    in_window = np.einsum('sij,nsj->nsi', poses[:, :3, :3], in_cam) + poses[:, :3, 3]
    points = np.full((len(uv), 3), np.nan)
    has_depth = np.isfinite(in_window[..., 0]).any(axis=1)
    points[has_depth] = np.nanmedian(in_window[has_depth], axis=1)
    return Geometry(window_from_cam=poses, K=K, points=points)


def log_depth_ratios(estimate: NetworkEstimate, geometry: Geometry) -> Float[np.ndarray, 'N S']:
    """Return the log of the points' depth over the network's; NaN where one is not known."""
    cam_from_window = se3.inverse(geometry.window_from_cam)
    z = np.einsum('sj,nj->ns', cam_from_window[:, 2, :3], geometry.points)
    z += cam_from_window[:, 2, 3]
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.log(np.where(z > 0, z, np.nan) / estimate.track_depth)


def depth_prior(
    estimate: NetworkEstimate, geometry: Geometry, uv: Float[np.ndarray, 'N S 2']
) -> DepthPrior | None:
    """Return what the network's depth says of the points, as far as it is to be believed.

    How far that is, points show whose rays meet at a clear angle: the spread of the log of
    their depth over the network's. Frames may each have a factor of their own.

    Args:
        estimate: The network's.
        geometry: Cameras and points that fit the tracks roughly.
        uv: (N, S, 2) observations.

    Returns:
        None if the network's depth says nothing.
    """
    ratios = log_depth_ratios(estimate, geometry)
    rays = rays_in_window(uv, geometry.K, geometry.window_from_cam)
    is_clear = np.zeros(len(uv), dtype=bool)
    is_seen = np.isfinite(rays[..., 0]).any(axis=1)
    is_clear[is_seen] = largest_angle_rad(rays[is_seen]) > _CLEAR_ANGLE_RAD
    factors = np.zeros(uv.shape[1])
    spreads = []
    for row in range(uv.shape[1]):
        known = ratios[is_clear & np.isfinite(ratios[:, row]), row]
        if len(known) >= _MIN_POINTS:
            factors[row], spread = median_and_sigma(known)
            spreads.append(spread)
    log_sigma = float(np.median(spreads)) if spreads else _USUAL_LOG_SIGMA
    if log_sigma > _MAX_LOG_SIGMA:
        return None
    track, row = np.nonzero(np.isfinite(estimate.track_depth) & np.isfinite(uv[..., 0]))
    # One view of every point: the errors of several are not independent.
    track, first = np.unique(track, return_index=True)
    row = row[first]
    return DepthPrior(
        track=track,
        row=row,
        depth=estimate.track_depth[track, row] * np.exp(factors[row]),
        log_sigma=np.full(len(track), max(log_sigma, _MIN_LOG_SIGMA)),
    )
