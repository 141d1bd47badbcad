"""Refinement of a window: two starts, bundle adjustment, and what of it the images confirm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
import math
import time

from jaxtyping import Float
import numpy as np

from vggt_ros.mapping.refinement.bundle_adjustment import Geometry, Problem
from vggt_ros.mapping.refinement.coarse_to_fine import with_better_points
from vggt_ros.mapping.refinement.focal_search import (
    best_focal_factor,
    FOCAL_LOG_SIGMA,
    is_clear_gain,
    with_focal_factor,
)
from vggt_ros.mapping.refinement.near_network import drawn_to_network
from vggt_ros.mapping.refinement.network_start import NetworkEstimate, start_from_network
from vggt_ros.mapping.refinement.parallax import fit_px, MOVING, support, TURNING
from vggt_ros.mapping.refinement.refined_window import RefinedWindow, RefinementReport
from vggt_ros.mapping.refinement.track_score import seen_twice
from vggt_ros.mapping.refinement.track_selection import select_tracks
from vggt_ros.mapping.refinement.track_start import start_from_tracks
from vggt_ros.mapping.refinement.turning_window import refine_rotations_only
from vggt_ros.mapping.refinement.window_candidate import (
    AdjustmentPriors,
    Candidate,
    explains_more,
    held_distance,
    in_unit_of_network,
    knows_points,
    of_tracks,
    point_angles,
    solve,
    verified,
)
from vggt_ros.mapping.refinement.window_tracks import WindowTracks

# The first start is good enough if all cameras are verified and this share of all fits, and this
# share of what each of them sees.
_GOOD_SHARE, _GOOD_SHARE_OF_CAMERA = 0.75, 0.6
# Less than this, and without points that are known already, positions are not determined.
_MIN_MEDIAN_ANGLE_RAD = np.radians(0.6)
# With less than this, or from tracks alone, the first window of a map has several solutions that
# fit: all starts are tried.
_ENOUGH_MEDIAN_ANGLE_RAD = np.radians(8.0)
# More than this is parallax. Between the two there is none if rotations alone explain as much: a
# camera that moves a little and turns against it sees a shell of points as if it turned, and with
# things that move cameras that only turn have points that seem to be near.
_CLEAR_MEDIAN_ANGLE_RAD = np.radians(10.0)
# Tracks by which a focal length is found.
_MAX_FOR_FOCAL = 200
# A start whose points are this near their observations needs no coarse stage.
_NEAR_PX = 6.0


def refine_window(
    seen: WindowTracks,
    estimate: NetworkEstimate,
    priors: AdjustmentPriors,
    budget_s: float = math.inf,
) -> RefinedWindow:
    """Find the cameras and points that explain the tracks, and say which of them are confirmed.

    Bundle adjustment from two starts, what explains more wins: the network's cameras, and cameras
    from the tracks alone (two-view geometry, PnP). The second is tried only if the first does not
    explain nearly everything, or hardly has parallax. Where there is none, only rotations are
    refined. What tracks do not tell of the cameras stays with the network.

    Args:
        seen: Tracks and pairs.
        estimate: The network's.
        priors: What the map knows.
        budget_s: After this processor time of the calling thread no second start is tried, nor
            another focal length, and cameras are not drawn to the network's.

    Returns:
        Cameras that are not verified keep the network's pose.
    """
    start_s = time.thread_time()
    deadline_s = start_s + budget_s
    given_focal = float(seen.K[0, 0, 0])
    best = _best_candidate(seen, estimate, priors, deadline_s)
    if best is None:
        refined = _unrefined(seen, estimate, 'too few tracks join its images')
    else:
        turning = _turning(best, seen, estimate, priors)
        if turning is None and not seen.is_calibrated and time.thread_time() < deadline_s:
            best, seen = _with_better_focal(best, seen, priors)
            turning = _turning(best, seen, estimate, priors)
        if turning is None and time.thread_time() < deadline_s:
            best = drawn_to_network(best, seen, estimate, priors)
        refined = _adjusted(seen, estimate, best, given_focal) if turning is None else turning
    report = replace(refined.report, duration_s=time.thread_time() - start_s)
    return replace(refined, report=report)


def _best_candidate(
    seen: WindowTracks, estimate: NetworkEstimate, priors: AdjustmentPriors, deadline_s: float
) -> Candidate | None:
    best = None
    for name, start in _starts(seen, estimate, priors):
        is_near = _fits_roughly(start, seen)
        candidate = solve(name, start, seen, estimate, priors, is_near=is_near)
        if candidate is None:
            continue
        if best is None or explains_more(candidate, best):
            best = candidate
        is_enough = _is_good(best, seen) and (
            priors.hold_scale or (name == 'network' and _has_much_parallax(best, seen))
        )
        if is_enough or time.thread_time() > deadline_s:
            break
    return best


def _with_better_focal(
    best: Candidate, seen: WindowTracks, priors: AdjustmentPriors
) -> tuple[Candidate, WindowTracks]:
    """Look for the focal length of an uncalibrated window; keep what explains more."""
    problem = Problem(
        uv=seen.tracks.uv,
        poses=priors.poses,
        distance=held_distance(best.geometry, priors),
        relative=priors.relative,
        sigma_px=seen.tracks.sigma_px,
    )
    few = select_tracks(seen.tracks, seen.image_size, _MAX_FOR_FOCAL)
    factor = best_focal_factor(
        replace(best.geometry, points=best.geometry.points[few]),
        of_tracks(problem, few),
        FOCAL_LOG_SIGMA,
    )
    K = with_focal_factor(best.geometry.K, factor)
    other = replace(seen, K=K)
    found = solve(best.name, replace(best.geometry, K=K), other, None, priors, is_near=True)
    if found is None:
        return best, seen
    max_px = fit_px(found.score.error_px, found.score.is_inlier)
    if not is_clear_gain(best.score.error_px, found.score.error_px, max_px, factor):
        return best, seen
    return found, other


def _starts(
    seen: WindowTracks, estimate: NetworkEstimate, priors: AdjustmentPriors
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
        if len(known) < 2:  # cameras alone: points that are known pull only when they are near
            by_tracks = in_unit_of_network(by_tracks, estimate, known)
        yield 'tracks', by_tracks
    if by_network_later is not None:
        yield 'network', by_network_later


def _fits_roughly(start: Geometry, seen: WindowTracks) -> bool:
    _, error_px = with_better_points(start, seen.tracks.uv, seen.tracks.sigma_px)
    known = error_px[np.isfinite(error_px)]
    return bool(known.size and np.median(known) < _NEAR_PX)


def _is_good(candidate: Candidate, seen: WindowTracks) -> bool:
    num_seen = np.maximum(seen.tracks.is_seen.sum(axis=0), 1)
    num_inliers = candidate.score.num_inliers
    is_good = num_inliers.sum() >= _GOOD_SHARE * num_seen.sum()
    is_good &= (num_inliers >= _GOOD_SHARE_OF_CAMERA * num_seen).all()
    return bool(is_good) and bool(verified(candidate, seen).all())


def _has_much_parallax(candidate: Candidate, seen: WindowTracks) -> bool:
    return bool(_median_angle_rad(candidate, seen) >= _ENOUGH_MEDIAN_ANGLE_RAD)


def _median_angle_rad(candidate: Candidate, seen: WindowTracks) -> float:
    """Return the median of the largest angles between the rays of points that fit."""
    is_used = np.asarray(candidate.score.is_inlier.any(axis=1))
    angle_rad = point_angles(candidate.geometry, seen, candidate.score.is_inlier)
    return float(np.median(angle_rad[is_used])) if is_used.any() else 0.0


def _turning(
    best: Candidate, seen: WindowTracks, estimate: NetworkEstimate, priors: AdjustmentPriors
) -> RefinedWindow | None:
    """Return the window with rotations only if there is no parallax, else None."""
    is_used = np.asarray(best.score.is_inlier.any(axis=1))
    # Where nothing fits, turning on the spot would not explain it either.
    if not is_used.any() or knows_points(best.score, priors):
        return None
    median_rad = _median_angle_rad(best, seen)
    if median_rad >= _CLEAR_MEDIAN_ANGLE_RAD:
        return None
    refined, error_px = refine_rotations_only(seen, estimate, priors)
    if median_rad < _MIN_MEDIAN_ANGLE_RAD:
        return refined
    is_turning = refined.is_verified.any() and _is_explained_by_turning(best, error_px)
    return refined if is_turning else None


def _is_explained_by_turning(best: Candidate, turning_px: Float[np.ndarray, 'N S']) -> bool:
    """Return True if rotations alone explain as much as cameras that move and points."""
    max_px = fit_px(best.score.error_px, best.score.is_inlier)
    moving = support(best.score.error_px, max_px, MOVING)
    return support(turning_px, max_px, TURNING) >= moving


def _adjusted(
    seen: WindowTracks,
    estimate: NetworkEstimate,
    best: Candidate,
    given_focal: float,
) -> RefinedWindow:
    is_verified = verified(best, seen)
    angle_rad = point_angles(best.geometry, seen, best.score.is_inlier)
    reason = ''
    if not is_verified.any():
        reason = 'too few tracks fit one motion'
    elif not is_verified.all():
        reason = f'{int((~is_verified).sum())} images are not confirmed by tracks'
    is_inlier = seen_twice(best.score.is_inlier & is_verified)
    poses = np.where(
        is_verified[:, None, None], best.geometry.window_from_cam, estimate.window_from_cam
    )
    is_used = np.asarray(is_inlier.any(axis=1))
    points = np.where(is_used[:, None], best.geometry.points, np.nan)
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
