"""A window without parallax: its rotations are refined, its positions are not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
import numpy as np
from scipy.optimize import minimize_scalar

from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement.bundle_adjustment import Geometry
from vggt_ros.mapping.refinement.focal_search import (
    FOCAL_LOG_SIGMA,
    is_clear_gain,
    MAX_LOG_FACTOR,
    with_focal_factor,
)
from vggt_ros.mapping.refinement.network_start import NetworkEstimate
from vggt_ros.mapping.refinement.parallax import fit_px, support, TURNING
from vggt_ros.mapping.refinement.refined_window import RefinedWindow, RefinementReport
from vggt_ros.mapping.refinement.relative_pose import poses_along
from vggt_ros.mapping.refinement.rotation_only import chained_rotations, refine_rotations
from vggt_ros.mapping.refinement.track_score import seen_twice
from vggt_ros.mapping.refinement.track_selection import select_tracks
from vggt_ros.mapping.refinement.tracks import FeatureTracks
from vggt_ros.mapping.refinement.triangulation import rays_in_window
from vggt_ros.mapping.refinement.window_candidate import AdjustmentPriors, MIN_INLIERS, MIN_SHARE
from vggt_ros.mapping.refinement.window_tracks import WindowTracks

# Without parallax positions are not refined; what remains after the rotation is at most this.
_MAX_STILL_PX = 3.0
# So far, in median depths, cameras may have moved by wheels without images that show it.
_MAX_UNSEEN = 0.05
# Cameras that confirm each other at least: one alone turns against nothing.
_LEAST_CAMERAS = 2
# Tracks by which rotations are found.
_MAX_TRACKS = 250
_FOCAL_TOLERANCE, _MAX_FOCAL_STEPS = 0.01, 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Turns:
    """Rotations of all cameras, and what they leave.

    Attributes:
        K: (S, 3, 3) intrinsics with which they were found.
        rotation: (S, 3, 3) window_from_cam.
        error_px: (N, S) over the standard deviation of a track; NaN where it is not seen.
    """

    K: Float[np.ndarray, 'S 3 3']
    rotation: Float[np.ndarray, 'S 3 3']
    error_px: Float[np.ndarray, 'N S']


def refine_rotations_only(
    seen: WindowTracks, estimate: NetworkEstimate, priors: AdjustmentPriors
) -> tuple[RefinedWindow, Float[np.ndarray, 'N S']]:
    """Refine rotations; positions are that of the last camera that is known, or go on by wheels.

    Wheels are trusted for translations that are too short for images to show them: on ice they
    turn, and nothing moves.

    Two starts, the better one counts: rotations of pairs, one after the other, and the network's.
    The focal length of an uncalibrated window is looked for, too (Hartley, "Self-Calibration of
    Stationary Cameras", IJCV 1997).

    Args:
        seen: Tracks and pairs.
        estimate: The network's; its first camera is known if the map has none.
        priors: What the map knows.

    Returns:
        The window, and how far off the rotations leave the observations, pixels, NaN for none.
    """
    count = len(seen.K)
    known = {prior.row: prior.window_from_cam for prior in priors.poses}
    if not known:
        known = {0: estimate.window_from_cam[0]}
    last = known[max(known)]
    rotations = {row: pose[:3, :3] for row, pose in known.items()}
    chained = chained_rotations(seen.pairs, rotations, count)
    is_placed = np.isfinite(chained[:, 0, 0])
    by_network = estimate.window_from_cam[:, :3, :3].copy()
    for row, turn in rotations.items():
        by_network[row] = turn
    fixed = np.isin(np.arange(count), list(known))
    turns = _best_turns(
        seen, (np.where(is_placed[:, None, None], chained, by_network), by_network), fixed
    )
    rotation, error_px = turns.rotation, turns.error_px
    with np.errstate(invalid='ignore'):
        is_inlier = seen_twice(error_px < _MAX_STILL_PX)
    num_seen = np.maximum(seen.tracks.is_seen.sum(axis=0), 1)
    num_inliers = is_inlier.sum(axis=0)
    is_verified = is_placed & (num_inliers >= MIN_INLIERS)
    is_verified &= num_inliers >= MIN_SHARE * num_seen
    is_verified &= is_verified.sum() >= _LEAST_CAMERAS
    poses = estimate.window_from_cam.copy()
    rows = np.flatnonzero(is_verified).tolist()
    along = poses_along(known, priors.relative, {row: rotation[row] for row in rows})
    for row in rows:
        position = known[row][:3, 3] if row in known else last[:3, 3]
        if row in along and _is_unseen(along[row][:3, 3] - last[:3, 3], estimate):
            position = along[row][:3, 3]
        poses[row] = se3.rigid(rotation[row], position)
    reason = 'no parallax: only rotations are refined'
    if not is_verified.any():
        reason = 'no parallax, and too few tracks fit one rotation'
    is_inlier &= is_verified
    refined = RefinedWindow(
        geometry=Geometry(
            window_from_cam=poses, K=turns.K, points=np.full((len(seen.tracks), 3), np.nan)
        ),
        tracks=seen.tracks,
        is_inlier=is_inlier,
        is_verified=is_verified,
        point_angle_rad=np.zeros(len(seen.tracks)),
        report=RefinementReport(
            method='rotation' if is_verified.any() else 'none',
            start='tracks' if is_verified.any() else '',
            reason=reason,
            num_tracks=len(seen.tracks),
            num_observations=int(is_inlier.sum()),
            median_px=float(np.median(error_px[is_inlier])) if is_inlier.any() else float('nan'),
            median_angle_deg=0.0,
            focal_ratio=float(turns.K[0, 0, 0] / seen.K[0, 0, 0]),
            duration_s=0.0,
        ),
    )
    return refined, error_px


def _is_unseen(way: Float[np.ndarray, ' 3'], estimate: NetworkEstimate) -> bool:
    """Return True for a translation too short to be seen at the distance of what there is."""
    depth = estimate.track_depth[np.isfinite(estimate.track_depth)]
    return bool(depth.size and np.linalg.norm(way) <= _MAX_UNSEEN * np.median(depth))


def _best_turns(
    seen: WindowTracks, starts: Sequence[Float[np.ndarray, 'S 3 3']], fixed: np.ndarray
) -> _Turns:
    picked = select_tracks(seen.tracks, seen.image_size, _MAX_TRACKS)
    few = seen.tracks.select(picked)
    found = [_turns(few, seen.K, start, fixed) for start in starts]
    best = max(found, key=lambda turns: support(turns.error_px, _MAX_STILL_PX, TURNING))
    if not seen.is_calibrated:
        K = with_focal_factor(seen.K, _focal_factor(few, best, fixed))
        other = _turns(few, K, best.rotation, fixed)
        best = other if _fits_better(other, best) else best
    return _turns(seen.tracks, best.K, best.rotation, np.ones_like(fixed))


def _fits_better(turns: _Turns, other: _Turns) -> bool:
    """Return True if another focal length fits clearly better."""
    inlier = seen_twice(turns.error_px < _MAX_STILL_PX)
    max_px = fit_px(turns.error_px, inlier, TURNING)
    factor = float(turns.K[0, 0, 0] / other.K[0, 0, 0])
    return is_clear_gain(other.error_px, turns.error_px, max_px, factor)


def _turns(
    tracks: FeatureTracks,
    K: Float[np.ndarray, 'S 3 3'],
    start: Float[np.ndarray, 'S 3 3'],
    fixed: np.ndarray,
) -> _Turns:
    still = np.repeat(np.eye(4)[None], len(K), axis=0)
    rays = rays_in_window(tracks.uv, K, still)
    rotation, angle_rad = refine_rotations(tracks, rays, start, fixed)
    error_px = angle_rad * K[:, 0, 0] / tracks.sigma_px[:, None]
    return _Turns(K=K, rotation=rotation, error_px=error_px)


def _focal_factor(tracks: FeatureTracks, start: _Turns, fixed: np.ndarray) -> float:
    """Return the factor of the focal lengths with which rotations leave least."""

    def cost(log_factor: float) -> float:
        K = with_focal_factor(start.K, float(np.exp(log_factor)))
        error_px = _turns(tracks, K, start.rotation, fixed).error_px
        clipped = np.minimum(error_px[np.isfinite(error_px)], _MAX_STILL_PX)
        return float((clipped**2).sum()) + (log_factor / FOCAL_LOG_SIGMA) ** 2

    found = minimize_scalar(
        cost,
        bounds=(-MAX_LOG_FACTOR, MAX_LOG_FACTOR),
        method='bounded',
        options={'xatol': _FOCAL_TOLERANCE, 'maxiter': _MAX_FOCAL_STEPS},
    )
    return float(np.exp(found.x))
