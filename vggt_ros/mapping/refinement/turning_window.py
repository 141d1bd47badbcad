"""A window without parallax: its rotations are refined, its positions stay where they are."""

from __future__ import annotations

import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement.bundle_adjustment import Geometry
from vggt_ros.mapping.refinement.network_start import NetworkEstimate
from vggt_ros.mapping.refinement.refined_window import RefinedWindow, RefinementReport
from vggt_ros.mapping.refinement.rotation_only import chained_rotations, refine_rotations
from vggt_ros.mapping.refinement.track_score import INLIER_PX, MAX_ERROR_PX
from vggt_ros.mapping.refinement.two_view import normalized
from vggt_ros.mapping.refinement.window_candidate import MIN_INLIERS, MIN_SHARE, WindowPriors
from vggt_ros.mapping.refinement.window_tracks import WindowTracks

# Without parallax positions are not refined; what remains after the rotation is at most this.
_MAX_STILL_PX = 3.0


def refine_rotations_only(
    seen: WindowTracks, estimate: NetworkEstimate, priors: WindowPriors
) -> tuple[RefinedWindow, float]:
    """Refine rotations; positions are that of the last camera that is known.

    Args:
        seen: Tracks and pairs.
        estimate: The network's; its first camera is known if the map has none.
        priors: What the map knows.

    Returns:
        The window, and how well rotations explain it: comparable with `TrackScore.total`.
    """
    count = len(seen.K)
    known = {prior.row: prior.window_from_cam for prior in priors.poses}
    if not known:
        known = {0: estimate.window_from_cam[0]}
    last = known[max(known)]
    rotations = {row: pose[:3, :3] for row, pose in known.items()}
    start = chained_rotations(seen.pairs, rotations, count)
    is_placed = np.isfinite(start[:, 0, 0])
    start = np.where(is_placed[:, None, None], start, estimate.window_from_cam[:, :3, :3])
    xy = np.stack([normalized(seen.tracks.uv[:, i], seen.K[i]) for i in range(count)], axis=1)
    rays = np.concatenate([xy, np.ones((*xy.shape[:2], 1))], axis=-1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    fixed = np.isin(np.arange(count), list(known))
    rotation, angle_rad = refine_rotations(seen.tracks, rays, start, fixed)
    error_px = angle_rad * seen.K[:, 0, 0]
    with np.errstate(invalid='ignore'):
        is_inlier = error_px < max(_MAX_STILL_PX, INLIER_PX)
    is_inlier &= (is_inlier.sum(axis=1) >= 2)[:, None]
    num_seen = np.maximum(seen.tracks.is_seen.sum(axis=0), 1)
    num_inliers = is_inlier.sum(axis=0)
    is_verified = is_placed & (num_inliers >= MIN_INLIERS)
    is_verified &= num_inliers >= MIN_SHARE * num_seen
    poses = estimate.window_from_cam.copy()
    for row in np.flatnonzero(is_verified).tolist():
        position = known[row][:3, 3] if row in known else last[:3, 3]
        poses[row] = se3.rigid(rotation[row], position)
    reason = 'no parallax: only rotations are refined'
    if not is_verified.any():
        reason = 'no parallax, and too few tracks fit one rotation'
    is_inlier &= is_verified
    seen_px = error_px[np.isfinite(error_px)]
    total = float(np.maximum(1.0 - seen_px / MAX_ERROR_PX, 0.0).sum())
    refined = RefinedWindow(
        geometry=Geometry(
            window_from_cam=poses, K=seen.K, points=np.full((len(seen.tracks), 3), np.nan)
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
            focal_ratio=1.0,
            duration_s=0.0,
        ),
    )
    return refined, total
