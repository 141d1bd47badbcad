"""A start from the network: its cameras, and points where its depth has them."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement.bundle_adjustment import DepthPrior, Geometry

# Standard deviation of the log of the network's depth, and how many parts of a window err
# independently.
_LOG_SIGMA, _NUM_INDEPENDENT = 0.2, 30.0


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


def network_depth_prior(
    estimate: NetworkEstimate, uv: Float[np.ndarray, 'N S 2'], known: DepthPrior | None
) -> DepthPrior | None:
    """Return what is known of the points' depths, the network's where the map knows none.

    The network's depth is wrong in a smooth way: many points err together. Their standard
    deviations are so large that all of them count as much as the few that are independent.

    Args:
        estimate: The network's.
        uv: (N, S, 2) observations.
        known: What the map knows; it stays.
    """
    has_depth = np.isfinite(estimate.track_depth) & np.isfinite(uv[..., 0])
    if known is not None:
        has_depth[known.track] = False
    track, row = np.nonzero(has_depth)
    # One view of every point: the errors of several are not independent.
    track, first = np.unique(track, return_index=True)
    if not len(track):
        return known
    row = row[first]
    log_sigma = _LOG_SIGMA * np.sqrt(max(1.0, len(track) / _NUM_INDEPENDENT))
    prior = DepthPrior(
        track=track,
        row=row,
        depth=estimate.track_depth[track, row],
        log_sigma=np.full(len(track), log_sigma),
    )
    if known is None:
        return prior
    return DepthPrior(
        track=np.concatenate([known.track, prior.track]),
        row=np.concatenate([known.row, prior.row]),
        depth=np.concatenate([known.depth, prior.depth]),
        log_sigma=np.concatenate([known.log_sigma, prior.log_sigma]),
    )
