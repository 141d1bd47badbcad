"""One solution of a window: cameras and points from one start, and how well they fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Bool, Float, Int
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

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
    FROM_ADJUSTED,
    FROM_FAR,
    FROM_NEAR,
    Stage,
    with_better_points,
)
from vggt_ros.mapping.refinement.network_start import (
    log_depth_ratios,
    network_depth_prior,
    NetworkEstimate,
)
from vggt_ros.mapping.refinement.parallax import fit_px, MOVING, support
from vggt_ros.mapping.refinement.relative_pose import RelativePose
from vggt_ros.mapping.refinement.track_score import num_cells, score_tracks, seen_twice, TrackScore
from vggt_ros.mapping.refinement.track_selection import select_tracks
from vggt_ros.mapping.refinement.triangulation import largest_angle_rad, rays_in_window
from vggt_ros.mapping.refinement.window_tracks import WindowTracks

# A camera is verified by so many observations in so many of 36 parts of its image, which are this
# share of all it has.
MIN_INLIERS, MIN_SHARE = 25, 0.4
_MIN_CELLS = 5
# Two cameras that share so many points are where they are seen from each other.
_MIN_SHARED = 8
# So many points that are known already tell the scale.
MIN_KNOWN = 20
# Tracks that are adjusted; the points of the others follow.
_MAX_ADJUSTED = 600


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdjustmentPriors:
    """What is known of a window beside its images and the network.

    Attributes:
        poses: Of cameras in the frame of the window: those that the map has.
        depth: Of points that the map has; None if there are none.
        relative: Of cameras seen from each other, by wheels and rig.
    """

    poses: Sequence[PosePrior] = ()
    depth: DepthPrior | None = None
    relative: Sequence[RelativePose] = ()

    @property
    def hold_scale(self) -> bool:
        """Whether two cameras, or enough points, or the length of a step are known."""
        has_points = self.depth is not None and len(self.depth.track) >= MIN_KNOWN
        has_length = any(each.tells_length for each in self.relative)
        return len(self.poses) >= 2 or has_points or has_length


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A solution.

    Attributes:
        name: Of the start that it comes from: network, or tracks.
        geometry: Cameras and points; poses of NaN where a camera could not be placed.
        score: How well they fit.
    """

    name: str
    geometry: Geometry
    score: TrackScore


def solve(
    name: str,
    start: Geometry,
    seen: WindowTracks,
    estimate: NetworkEstimate | None,
    priors: AdjustmentPriors,
    *,
    is_near: bool,
    is_adjusted: bool = False,
) -> Candidate | None:
    """Adjust a start; None if that is not determined.

    Args:
        name: network or tracks.
        start: Cameras and points to begin with.
        seen: Tracks and pairs.
        estimate: The network's, whose unit the solution gets; None to leave it as it is.
        priors: What the map knows.
        is_near: Whether the start fits so well that no coarse stage is needed.
        is_adjusted: Whether only the last stage is needed.
    """
    uv = seen.tracks.uv
    placed = np.flatnonzero(np.isfinite(start.window_from_cam[:, 0, 0]))
    if len(placed) < 2:
        return None
    depth = priors.depth
    if estimate is not None:
        depth = network_depth_prior(estimate, uv, depth)
    # A distance that is held would keep cameras apart that only turn; depths hold the scale, too.
    has_depth = depth is not None and len(depth.track) >= MIN_KNOWN
    distance = None if has_depth else held_distance(start, priors)
    problem = Problem(
        uv=uv,
        poses=priors.poses,
        depth=depth,
        distance=distance,
        relative=priors.relative,
        sigma_px=seen.tracks.sigma_px,
    )
    stages: tuple[Stage, ...] = FROM_NEAR if name == 'tracks' or is_near else FROM_FAR
    stages = FROM_ADJUSTED if is_adjusted else stages
    picked = select_tracks(seen.tracks, seen.image_size, _MAX_ADJUSTED)
    try:
        adjusted = adjust_in_stages(
            replace(start, points=start.points[picked]), of_tracks(problem, picked), stages
        )
    except AlignmentError:
        return None
    points = start.points.copy()
    points[picked] = adjusted.points
    # The others follow from the cameras.
    geometry = replace(adjusted, points=points)
    geometry, _ = with_better_points(geometry, uv, seen.tracks.sigma_px)
    if estimate is not None and not priors.hold_scale:
        known = {prior.row: prior.window_from_cam for prior in priors.poses}
        geometry = in_unit_of_network(geometry, estimate, known)
    return Candidate(name=name, geometry=geometry, score=score_tracks(geometry, seen.tracks))


def in_unit_of_network(
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


def held_distance(start: Geometry, priors: AdjustmentPriors) -> tuple[int, int] | None:
    """Return two cameras whose distance holds the scale, if the priors do not."""
    placed = np.flatnonzero(np.isfinite(start.window_from_cam[:, 0, 0]))
    if priors.hold_scale:
        return None
    positions = start.window_from_cam[placed, :3, 3]
    apart = np.linalg.norm(positions - positions[0], axis=1)
    return (int(placed[0]), int(placed[np.argmax(apart)])) if apart.max() > 0 else None


def of_tracks(problem: Problem, picked: Int[np.ndarray, ' n']) -> Problem:
    """Return the problem of some of the tracks."""
    num_tracks = len(problem.uv)
    sigma_px = np.broadcast_to(problem.sigma_px, num_tracks)[picked]
    problem = replace(problem, uv=problem.uv[picked], sigma_px=sigma_px)
    if problem.depth is None:
        return problem
    number = np.full(num_tracks, -1)
    number[picked] = np.arange(len(picked))
    prior = problem.depth
    keep = number[prior.track] >= 0
    depth = DepthPrior(
        track=number[prior.track[keep]],
        row=prior.row[keep],
        depth=prior.depth[keep],
        log_sigma=prior.log_sigma[keep],
    )
    return replace(problem, depth=depth)


def verified(candidate: Candidate, seen: WindowTracks) -> Bool[np.ndarray, ' S']:
    """Return the cameras whose place enough of their observations confirm, all over the image.

    Only observations of points count that another verified camera sees, too, and of cameras that
    fall into groups without points in common the largest group: nothing tells where one is seen
    from the other.
    """
    is_seen = seen.tracks.is_seen
    num_seen = np.maximum(is_seen.sum(axis=0), 1)
    found = np.isfinite(candidate.geometry.window_from_cam[:, 0, 0])
    while found.any():
        is_inlier = seen_twice(candidate.score.is_inlier & found)
        number = is_inlier.sum(axis=0)
        cells = np.array(
            [
                num_cells(seen.tracks.uv[is_inlier[:, i], i], seen.image_size)
                for i in range(len(found))
            ]
        )
        better = found & (number >= MIN_INLIERS) & (cells >= _MIN_CELLS)
        better &= number >= MIN_SHARE * num_seen
        better = _largest_group(is_inlier & better, better)
        if (better == found).all():
            break
        found = better
    return found


def _largest_group(
    is_inlier: Bool[np.ndarray, 'N S'], is_member: Bool[np.ndarray, ' S']
) -> Bool[np.ndarray, ' S']:
    """Return which of the members belong to the most that share enough points, one by one."""
    shared = is_inlier.T.astype(np.int64) @ is_inlier.astype(np.int64)
    _, group = connected_components(csr_array(shared >= _MIN_SHARED), directed=False)
    size = np.bincount(group[is_member], minlength=int(group.max()) + 1)
    return is_member & (group == int(np.argmax(size)))


def explains_more(candidate: Candidate, other: Candidate) -> bool:
    """Return True if a candidate explains more within what the better of two leaves as noise."""
    scores = candidate.score, other.score
    max_px = min(fit_px(score.error_px, score.is_inlier) for score in scores)
    mine, others = (support(score.error_px, max_px, MOVING) for score in scores)
    return mine > others


def point_angles(
    geometry: Geometry, seen: WindowTracks, is_inlier: Bool[np.ndarray, 'N S']
) -> Float[np.ndarray, ' N']:
    """Return the largest angle between the rays of each track that fit; 0 without any."""
    is_placed = np.isfinite(geometry.window_from_cam[:, 0, 0])
    poses = np.where(is_placed[:, None, None], geometry.window_from_cam, np.eye(4))
    rays = rays_in_window(np.where(is_inlier[..., None], seen.tracks.uv, np.nan), seen.K, poses)
    angle_rad = np.zeros(len(rays))
    is_seen = is_inlier.any(axis=1)
    angle_rad[is_seen] = largest_angle_rad(rays[is_seen])
    return angle_rad


def knows_points(score: TrackScore, priors: AdjustmentPriors) -> bool:
    """Return True if the map knows enough points: then no parallax is needed."""
    if priors.depth is None:
        return False
    is_used = np.asarray(score.is_inlier.any(axis=1))
    return int(is_used[priors.depth.track].sum()) >= MIN_KNOWN
