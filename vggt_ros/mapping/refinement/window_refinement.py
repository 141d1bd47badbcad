"""Refinement of a window: two starts, bundle adjustment, and what of it the images confirm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
import math
import time

from jaxtyping import Bool, Float, Int
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement.bundle_adjustment import (
    DepthPrior,
    Geometry,
    PosePrior,
    Problem,
)
from vggt_ros.mapping.refinement.coarse_to_fine import (
    adjust_in_stages,
    FROM_FAR,
    FROM_NEAR,
    with_better_points,
)
from vggt_ros.mapping.refinement.focal_search import best_focal_factor, with_focal_factor
from vggt_ros.mapping.refinement.network_start import (
    log_depth_ratios,
    NetworkEstimate,
    start_from_network,
)
from vggt_ros.mapping.refinement.refined_window import RefinedWindow, RefinementReport
from vggt_ros.mapping.refinement.rotation_only import chained_rotations, refine_rotations
from vggt_ros.mapping.refinement.track_score import INLIER_PX, score_tracks, TrackScore
from vggt_ros.mapping.refinement.track_selection import select_tracks
from vggt_ros.mapping.refinement.track_start import start_from_tracks
from vggt_ros.mapping.refinement.triangulation import largest_angle_rad, rays_in_window
from vggt_ros.mapping.refinement.two_view import normalized
from vggt_ros.mapping.refinement.window_tracks import WindowTracks

# A camera is verified by so many observations in so many of 36 parts of its image, which are this
# share of all it has.
_MIN_INLIERS, _MIN_CELLS, _MIN_SHARE = 25, 5, 0.4
# The first start is good enough if all cameras are verified and this share of all fits.
_GOOD_SHARE = 0.75
# Less than this, and without points that are known already, positions are not determined.
_MIN_MEDIAN_ANGLE_RAD = np.radians(0.6)
_MIN_KNOWN = 20
# Without parallax positions are not refined; what remains after the rotation is at most this.
_MAX_STILL_PX = 3.0
# Tracks that are adjusted; the points of the others follow.
_MAX_ADJUSTED = 600
# Tracks by which a focal length is found, and how sure the network's is.
_MAX_FOR_FOCAL, _FOCAL_LOG_SIGMA = 200, 0.1
# A start whose points are this near their observations needs no coarse stage.
_NEAR_PX = 6.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowPriors:
    """What is known of a window beside its images and the network.

    Attributes:
        poses: Of cameras in the frame of the window: those that the map has.
        depth: Of points that the map has; None if there are none.
    """

    poses: Sequence[PosePrior] = ()
    depth: DepthPrior | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Candidate:
    name: str
    geometry: Geometry
    score: TrackScore


def refine_window(
    seen: WindowTracks, estimate: NetworkEstimate, priors: WindowPriors, budget_s: float = math.inf
) -> RefinedWindow:
    """Find the cameras and points that explain the tracks, and say which of them are confirmed.

    Bundle adjustment from two starts, the better score wins: the network's cameras, and cameras
    from the tracks alone (two-view geometry, PnP). The second is tried only if the first does not
    explain nearly everything. Where there is no parallax only rotations are refined.

    Args:
        seen: Tracks and pairs.
        estimate: The network's.
        priors: What the map knows.
        budget_s: After this time no second start is tried, nor another focal length.

    Returns:
        Cameras that are not verified keep the network's pose.
    """
    start_s = time.perf_counter()
    deadline_s = start_s + budget_s
    given_focal = float(seen.K[0, 0, 0])
    best = _best_candidate(seen, estimate, priors, deadline_s)
    if best is not None and not seen.is_calibrated and time.perf_counter() < deadline_s:
        best, seen = _with_better_focal(best, seen, priors)
    if best is None:
        refined = _unrefined(seen, estimate, 'too few tracks join its images')
    else:
        angle_rad = _point_angles(best.geometry, seen, best.score.is_inlier)
        if _has_parallax(angle_rad, best.score, priors):
            refined = _adjusted(seen, estimate, best, angle_rad, given_focal)
        else:
            refined = _rotated(seen, estimate, priors)
    report = replace(refined.report, duration_s=time.perf_counter() - start_s)
    return replace(refined, report=report)


def _best_candidate(
    seen: WindowTracks, estimate: NetworkEstimate, priors: WindowPriors, deadline_s: float
) -> _Candidate | None:
    best = None
    for name, start in _starts(seen, estimate, priors):
        is_near = _fits_roughly(start, seen)
        candidate = _solve(name, start, seen, estimate, priors, is_near=is_near)
        if candidate is None:
            continue
        if best is None or candidate.score.total > best.score.total:
            best = candidate
        if _is_good(best, seen) or time.perf_counter() > deadline_s:
            break
    return best


def _with_better_focal(
    best: _Candidate, seen: WindowTracks, priors: WindowPriors
) -> tuple[_Candidate, WindowTracks]:
    """Look for the focal length of an uncalibrated window; keep what explains more."""
    angle_rad = _point_angles(best.geometry, seen, best.score.is_inlier)
    if not _has_parallax(angle_rad, best.score, priors):
        return best, seen
    problem = Problem(
        uv=seen.tracks.uv, poses=priors.poses, distance=_distance(best.geometry, priors)
    )
    few = select_tracks(seen.tracks, seen.image_size, _MAX_FOR_FOCAL)
    factor = best_focal_factor(
        replace(best.geometry, points=best.geometry.points[few]),
        _of_tracks(problem, few),
        _FOCAL_LOG_SIGMA,
    )
    K = with_focal_factor(best.geometry.K, factor)
    other = replace(seen, K=K)
    found = _solve(best.name, replace(best.geometry, K=K), other, None, priors, is_near=True)
    if found is None or found.score.total <= best.score.total:
        return best, seen
    return found, other


def _starts(
    seen: WindowTracks, estimate: NetworkEstimate, priors: WindowPriors
) -> Iterator[tuple[str, Geometry]]:
    """Yield the starts, the more promising one first; later ones are made only if asked for."""
    known = {prior.row: prior.window_from_cam for prior in priors.poses}
    poses = estimate.window_from_cam.copy()
    for row, pose in known.items():
        poses[row] = pose
    by_network = start_from_network(
        replace(estimate, window_from_cam=poses), seen.tracks.uv, seen.K
    )
    if _fits_roughly(by_network, seen):
        yield 'network', by_network
        by_network_later = None
    else:
        by_network_later = by_network
    by_tracks = start_from_tracks(seen.tracks, seen.pairs, seen.K, known)
    if by_tracks is not None:
        if len(known) < 2:
            by_tracks = _in_unit_of_network(by_tracks, estimate, known)
        yield 'tracks', by_tracks
    if by_network_later is not None:
        yield 'network', by_network_later


def _fits_roughly(start: Geometry, seen: WindowTracks) -> bool:
    _, error_px = with_better_points(start, seen.tracks.uv)
    known = error_px[np.isfinite(error_px)]
    return bool(known.size and np.median(known) < _NEAR_PX)


def _in_unit_of_network(
    geometry: Geometry, estimate: NetworkEstimate, known: dict[int, Float[np.ndarray, '4 4']]
) -> Geometry:
    """Scale a geometry about one of its cameras, and put that where it is known to be."""
    placed = np.flatnonzero(np.isfinite(geometry.window_from_cam[:, 0, 0]))
    row = next((row for row in known if row in placed), int(placed[0]))
    target = known.get(row, estimate.window_from_cam[row])
    ratios = log_depth_ratios(estimate, geometry)[:, placed]
    ratios = ratios[np.isfinite(ratios)]
    scale = float(np.exp(-np.median(ratios))) if ratios.size else 1.0
    cam_from_old = se3.inverse(geometry.window_from_cam[row])
    window_from_cam = geometry.window_from_cam.copy()
    for i in placed.tolist():
        in_cam = cam_from_old @ geometry.window_from_cam[i]
        in_cam[:3, 3] *= scale
        window_from_cam[i] = target @ in_cam
    points = scale * se3.transform(cam_from_old, geometry.points)
    return replace(geometry, window_from_cam=window_from_cam, points=se3.transform(target, points))


def _solve(
    name: str,
    start: Geometry,
    seen: WindowTracks,
    estimate: NetworkEstimate | None,
    priors: WindowPriors,
    *,
    is_near: bool,
) -> _Candidate | None:
    uv = seen.tracks.uv
    placed = np.flatnonzero(np.isfinite(start.window_from_cam[:, 0, 0]))
    if len(placed) < 2:
        return None
    problem = Problem(
        uv=uv, poses=priors.poses, depth=priors.depth, distance=_distance(start, priors)
    )
    stages = FROM_NEAR if name == 'tracks' or is_near else FROM_FAR
    picked = select_tracks(seen.tracks, seen.image_size, _MAX_ADJUSTED)
    try:
        adjusted = adjust_in_stages(
            replace(start, points=start.points[picked]), _of_tracks(problem, picked), stages
        )
    except AlignmentError:
        return None
    points = start.points.copy()
    points[picked] = adjusted.points
    # The others follow from the cameras.
    geometry, _ = with_better_points(replace(adjusted, points=points), uv)
    if estimate is not None and len(priors.poses) < 2:
        known = {prior.row: prior.window_from_cam for prior in priors.poses}
        geometry = _in_unit_of_network(geometry, estimate, known)
    return _Candidate(
        name=name, geometry=geometry, score=score_tracks(geometry, seen.tracks, seen.image_size)
    )


def _distance(start: Geometry, priors: WindowPriors) -> tuple[int, int] | None:
    """Return two cameras whose distance holds the scale, if the priors do not."""
    placed = np.flatnonzero(np.isfinite(start.window_from_cam[:, 0, 0]))
    if len(priors.poses) >= 2:
        return None
    positions = start.window_from_cam[placed, :3, 3]
    apart = np.linalg.norm(positions - positions[0], axis=1)
    return (int(placed[0]), int(placed[np.argmax(apart)])) if apart.max() > 0 else None


def _of_tracks(problem: Problem, picked: Int[np.ndarray, ' n']) -> Problem:
    """Return the problem of some of the tracks."""
    if problem.depth is None:
        return replace(problem, uv=problem.uv[picked])
    number = np.full(len(problem.uv), -1)
    number[picked] = np.arange(len(picked))
    prior = problem.depth
    keep = number[prior.track] >= 0
    depth = DepthPrior(
        track=number[prior.track[keep]],
        row=prior.row[keep],
        depth=prior.depth[keep],
        log_sigma=prior.log_sigma[keep],
    )
    return replace(problem, uv=problem.uv[picked], depth=depth)


def _is_good(candidate: _Candidate, seen: WindowTracks) -> bool:
    share = candidate.score.is_inlier.sum() / max(int(seen.tracks.is_seen.sum()), 1)
    return bool(share >= _GOOD_SHARE) and bool(_verified(candidate, seen).all())


def _verified(candidate: _Candidate, seen: WindowTracks) -> Bool[np.ndarray, ' S']:
    score = candidate.score
    is_placed = np.isfinite(candidate.geometry.window_from_cam[:, 0, 0])
    has_enough = (score.num_inliers >= _MIN_INLIERS) & (score.num_cells >= _MIN_CELLS)
    num_seen = np.maximum(seen.tracks.is_seen.sum(axis=0), 1)
    return is_placed & has_enough & (score.num_inliers >= _MIN_SHARE * num_seen)


def _point_angles(
    geometry: Geometry, seen: WindowTracks, is_inlier: Bool[np.ndarray, 'N S']
) -> Float[np.ndarray, ' N']:
    is_placed = np.isfinite(geometry.window_from_cam[:, 0, 0])
    poses = np.where(is_placed[:, None, None], geometry.window_from_cam, np.eye(4))
    rays = rays_in_window(np.where(is_inlier[..., None], seen.tracks.uv, np.nan), seen.K, poses)
    angle_rad = np.zeros(len(rays))
    is_seen = is_inlier.any(axis=1)
    angle_rad[is_seen] = largest_angle_rad(rays[is_seen])
    return angle_rad


def _has_parallax(
    angle_rad: Float[np.ndarray, ' N'], score: TrackScore, priors: WindowPriors
) -> bool:
    is_used = np.asarray(score.is_inlier.any(axis=1))
    if not is_used.any():
        return True  # nothing fits: turning on the spot would not explain that either
    if priors.depth is not None and is_used[priors.depth.track].sum() >= _MIN_KNOWN:
        return True
    return float(np.median(angle_rad[is_used])) >= float(_MIN_MEDIAN_ANGLE_RAD)


def _adjusted(
    seen: WindowTracks,
    estimate: NetworkEstimate,
    best: _Candidate,
    angle_rad: Float[np.ndarray, ' N'],
    given_focal: float,
) -> RefinedWindow:
    is_verified = _verified(best, seen)
    reason = ''
    if not is_verified.any():
        reason = 'too few tracks fit one motion'
    elif not is_verified.all():
        reason = f'{int((~is_verified).sum())} images are not confirmed by tracks'
    is_inlier = best.score.is_inlier & is_verified
    is_inlier &= (is_inlier.sum(axis=1) >= 2)[:, None]
    poses = np.where(
        is_verified[:, None, None], best.geometry.window_from_cam, estimate.window_from_cam
    )
    points = np.where(is_inlier.any(axis=1)[:, None], best.geometry.points, np.nan)
    is_used = is_inlier.any(axis=1)
    return RefinedWindow(
        geometry=replace(best.geometry, window_from_cam=poses, points=points),
        tracks=seen.tracks,
        is_inlier=is_inlier,
        is_verified=is_verified,
        point_angle_rad=np.where(is_used, angle_rad, 0.0),
        report=RefinementReport(
            method='adjusted' if is_verified.any() else 'none',
            start=best.name if is_verified.any() else '',
            reason=reason,
            num_tracks=len(seen.tracks),
            num_observations=int(is_inlier.sum()),
            median_px=best.score.median_px,
            median_angle_deg=float(np.degrees(np.median(angle_rad[is_used])))
            if is_used.any()
            else float('nan'),
            focal_ratio=float(best.geometry.K[0, 0, 0]) / given_focal,
            duration_s=0.0,
        ),
    )


def _rotated(seen: WindowTracks, estimate: NetworkEstimate, priors: WindowPriors) -> RefinedWindow:
    """Refine rotations; positions are that of the last camera that is known."""
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
    with np.errstate(invalid='ignore'):
        is_inlier = angle_rad * seen.K[:, 0, 0] < max(_MAX_STILL_PX, INLIER_PX)
    is_inlier &= (is_inlier.sum(axis=1) >= 2)[:, None]
    num_seen = np.maximum(seen.tracks.is_seen.sum(axis=0), 1)
    num_inliers = is_inlier.sum(axis=0)
    is_verified = is_placed & (num_inliers >= _MIN_INLIERS)
    is_verified &= num_inliers >= _MIN_SHARE * num_seen
    poses = estimate.window_from_cam.copy()
    for row in np.flatnonzero(is_verified).tolist():
        position = known[row][:3, 3] if row in known else last[:3, 3]
        poses[row] = se3.rigid(rotation[row], position)
    reason = 'no parallax: only rotations are refined'
    if not is_verified.any():
        reason = 'no parallax, and too few tracks fit one rotation'
    return RefinedWindow(
        geometry=Geometry(
            window_from_cam=poses, K=seen.K, points=np.full((len(seen.tracks), 3), np.nan)
        ),
        tracks=seen.tracks,
        is_inlier=is_inlier & is_verified,
        is_verified=is_verified,
        point_angle_rad=np.zeros(len(seen.tracks)),
        report=RefinementReport(
            method='rotation' if is_verified.any() else 'none',
            start='tracks' if is_verified.any() else '',
            reason=reason,
            num_tracks=len(seen.tracks),
            num_observations=int(is_inlier.sum()),
            median_px=float(np.median((angle_rad * seen.K[:, 0, 0])[is_inlier]))
            if is_inlier.any()
            else float('nan'),
            median_angle_deg=0.0,
            focal_ratio=1.0,
            duration_s=0.0,
        ),
    )


def _unrefined(seen: WindowTracks, estimate: NetworkEstimate, reason: str) -> RefinedWindow:
    shape = seen.tracks.feature.shape
    return RefinedWindow(
        geometry=Geometry(
            window_from_cam=estimate.window_from_cam,
            K=seen.K,
            points=np.full((shape[0], 3), np.nan),
        ),
        tracks=seen.tracks,
        is_inlier=np.zeros(shape, dtype=bool),
        is_verified=np.zeros(shape[1], dtype=bool),
        point_angle_rad=np.zeros(shape[0]),
        report=RefinementReport(
            method='none',
            start='',
            reason=reason,
            num_tracks=shape[0],
            num_observations=0,
            median_px=float('nan'),
            median_angle_deg=float('nan'),
            focal_ratio=1.0,
            duration_s=0.0,
        ),
    )
