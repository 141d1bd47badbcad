"""Solutions near the network: what tracks do not tell of the cameras of a window stays with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vggt_ros.mapping.refinement.bundle_adjustment import PosePrior
from vggt_ros.mapping.refinement.network_pose_prior import network_pose_priors
from vggt_ros.mapping.refinement.network_start import NetworkEstimate, start_from_network
from vggt_ros.mapping.refinement.parallax import fit_px, MOVING, noise_px, support
from vggt_ros.mapping.refinement.relative_pose import contradiction
from vggt_ros.mapping.refinement.track_score import seen_twice
from vggt_ros.mapping.refinement.window_candidate import (
    AdjustmentPriors,
    Candidate,
    knows_points,
    solve,
    verified,
)
from vggt_ros.mapping.refinement.window_tracks import WindowTracks

# A prior of the network's cameras costs hardly anything of what fits, or it is wrong.
_KEPT_BY_PRIOR = 0.97
# So near the network, radians and median depths beside a pixel of noise, is a solution that wins
# if it is nearly as good.
_NEAR_TURN_RAD, _NEAR_SHIFT, _NEARLY_AS_GOOD = np.radians(0.5), 0.01, 0.97
# By so much of a log likelihood a solution may contradict wheels and rig more than another one.
_MORE = 2.0


def drawn_to_network(
    best: Candidate, seen: WindowTracks, estimate: NetworkEstimate, priors: AdjustmentPriors
) -> Candidate:
    """Adjust once more, with the network's cameras as a prior, unless the map knows points.

    Args:
        best: What explains most.
        seen: Tracks and pairs.
        estimate: The network's.
        priors: What the map, wheels and rig know.
    """
    if knows_points(best.score, priors):
        return best
    best = near_network(best, seen, estimate, priors)
    is_inlier = seen_twice(best.score.is_inlier & verified(best, seen))
    sigma_px = noise_px(best.score.error_px, is_inlier)
    poses = network_pose_priors(
        best.geometry, estimate.window_from_cam, is_inlier, sigma_px, seen.tracks.sigma_px
    )
    if not poses:
        return best
    all_poses = {prior.row: prior for prior in [*poses, *priors.poses]}
    priors = replace(priors, poses=list(all_poses.values()))
    drawn = solve(best.name, best.geometry, seen, estimate, priors, is_near=True, is_adjusted=True)
    if drawn is None:
        return best
    max_px = fit_px(best.score.error_px, is_inlier)
    before, after = (support(each.score.error_px, max_px, MOVING) for each in (best, drawn))
    return drawn if after >= _KEPT_BY_PRIOR * before else best


def near_network(
    best: Candidate, seen: WindowTracks, estimate: NetworkEstimate, priors: AdjustmentPriors
) -> Candidate:
    """Return what fits best near the network's cameras if that is nearly as good.

    Things that move, or two ways to see a wall, give solutions that are degrees away from a
    network which is nearly right, and the coarse stages lead to them. What contradicts wheels or
    rig clearly more than the best does is not nearly as good.

    Args:
        best: What explains most.
        seen: Tracks and pairs.
        estimate: The network's.
        priors: What the map, wheels and rig know.
    """
    start = start_from_network(estimate, seen.tracks.uv, best.geometry.K)
    depth = float(np.nanmedian(estimate.track_depth))
    poses = {
        row: PosePrior(
            row=row,
            window_from_cam=pose,
            rotation_sigma_rad=_NEAR_TURN_RAD,
            translation_sigma=_NEAR_SHIFT * depth,
        )
        for row, pose in enumerate(estimate.window_from_cam)
    } | {prior.row: prior for prior in priors.poses}
    priors = replace(priors, poses=list(poses.values()))
    near = solve('network', start, seen, estimate, priors, is_near=True)
    if near is None:
        return best
    scores = best.score, near.score
    max_px = min(fit_px(score.error_px, score.is_inlier) for score in scores)
    before, after = (support(score.error_px, max_px, MOVING) for score in scores)
    more = [contradiction(priors.relative, each.geometry.window_from_cam) for each in (near, best)]
    is_nearly_as_good = after >= _NEARLY_AS_GOOD * before and more[0] - more[1] <= _MORE
    return near if is_nearly_as_good else best
