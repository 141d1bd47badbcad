"""Pair verification: whether a query image and a stored image show one rigid scene.

That features look alike is not enough: the points that one place knows have to be where the other
one sees them (perspective-n-point), both ways and at one scale, all over both images, and most of
what should be seen again has to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project
from vggt_ros.geometry.robust import median_and_sigma
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.refinement.matches import match_features
from vggt_ros.mapping.refinement.resection import resected
from vggt_ros.mapping.refinement.similarity_fit import (
    errors_px,
    fit_similarity,
    log_depth_ratios,
    PairMatches,
)

MIN_MATCHES = 20
MIN_INLIERS = 20
# Inliers that both places know as points: they give the scale.
MIN_COMMON_POINTS = 12
# A point is where the other place sees it to within this angle; pixels are no better than these.
_MAX_ERROR_RAD, _MIN_ERROR_PX = 0.006, 2.0
# Depths of one point, once the scale is known, differ by no more than this factor.
_MAX_DEPTH_RATIO = 1.5
# Part of the matches that has to fit; where places only look alike many do not.
_MIN_INLIER_SHARE = 0.35
# Part of the features in view of both that has to be found: one poster is not a place.
_MIN_SEEN_SHARE = 0.05
# Cells, across and down, of which either image has to have inliers in so many.
_GRID, _MIN_CELLS = (8, 6), 8
_MAX_LOG_SCALE_SIGMA = 0.15
_PNP_ITERATIONS, _PNP_CONFIDENCE = 300, 0.9999
_MIN_PNP_INLIERS = 8
_ROUNDS = 3


class Refusal(str, Enum):
    """Reasons why two places are not taken for one, in the order of the tests."""

    FEW_MATCHES = 'few_matches'
    NO_POSE = 'no_pose'
    FEW_INLIERS = 'few_inliers'
    SMALL_SHARE = 'small_share'
    NOT_SPREAD = 'not_spread'
    NO_SCALE = 'no_scale'
    ONE_PAIR = 'one_pair'
    INCONSISTENT = 'inconsistent'
    UNCERTAIN = 'uncertain'


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyframeView:
    """A keyframe where its place has it.

    Attributes:
        features: What it shows.
        place_from_cam: (4, 4) rigid pose of its camera, in the frame and the unit of its place.
    """

    features: KeyframeFeatures
    place_from_cam: Float[np.ndarray, '4 4']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VerifiedPair:
    """Two images of one scene.

    Attributes:
        stored_from_query: Where the query's place is, seen from the stored one.
        matches: All that look alike.
        is_inlier: (m,) those that fit.
        seen_share: Inliers per feature that both images should show.
    """

    stored_from_query: Sim3
    matches: PairMatches
    is_inlier: Bool[np.ndarray, ' m']
    seen_share: float

    @property
    def num_inliers(self) -> int:
        """Matches that fit."""
        return int(self.is_inlier.sum())

    @property
    def inliers(self) -> PairMatches:
        """The matches that fit."""
        return self.matches.select(self.is_inlier)


def verify_views(query: KeyframeView, stored: KeyframeView) -> VerifiedPair | Refusal:
    """Return the similarity between the places of two images, or why there is none to rely on.

    Mutual nearest features with the ratio test; points of the stored image seen in the query image
    and the other way round (RANSAC around SQPnP: Terzakis and Lourakis, ECCV 2020), the better of
    both adjusted to all inliers. Lengths of the two places may be in different units.
    """
    matches = _matches(query, stored)
    if len(matches) < MIN_MATCHES:
        return Refusal.FEW_MATCHES
    stored_from_query = _similarity(matches)
    if stored_from_query is None:
        return Refusal.NO_POSE
    is_inlier = inlier_mask(stored_from_query, matches)
    num_visible = _num_visible(query, stored, stored_from_query)
    pair = VerifiedPair(
        stored_from_query=stored_from_query,
        matches=matches,
        is_inlier=is_inlier,
        seen_share=float(is_inlier.sum()) / max(num_visible, 1),
    )
    return _refusal(pair, query.features.image_size, stored.features.image_size) or pair


def _similarity(matches: PairMatches) -> Sim3 | None:
    best: tuple[int, Sim3] | None = None
    for pose in (_pose_of_query, _pose_of_stored):
        start = pose(matches)
        found = None if start is None else _adjusted(start, matches)
        if found is None:
            continue
        count = int(inlier_mask(found, matches).sum())
        if best is None or count > best[0]:
            best = count, found
        if count >= max(MIN_INLIERS, len(matches) // 2):
            break  # the other direction could hardly be better
    return None if best is None else best[1]


def inlier_mask(stored_from_query: Sim3, matches: PairMatches) -> Bool[np.ndarray, ' m']:
    """Return which matches fit: all their points are where they are seen, and at one depth."""
    forward, backward = errors_px(stored_from_query, matches)
    of_query = np.isfinite(matches.points_query[:, 0])
    of_stored = np.isfinite(matches.points_stored[:, 0])
    fits = ~of_query | (forward <= _max_error_px(matches.K_stored))
    fits &= ~of_stored | (backward <= _max_error_px(matches.K_query))
    ratios = np.abs(log_depth_ratios(stored_from_query, matches))
    return fits & (of_query | of_stored) & ~(ratios > np.log(_MAX_DEPTH_RATIO))


def _matches(query: KeyframeView, stored: KeyframeView) -> PairMatches:
    rows = match_features(query.features.unpacked(), stored.features.unpacked())
    views = (query, stored)
    uv = [v.features.uv[r].astype(np.float64) for v, r in zip(views, rows.T, strict=True)]
    points = [
        se3.transform(v.place_from_cam, v.features.points_in_cam[r].astype(np.float64))
        for v, r in zip(views, rows.T, strict=True)
    ]
    return PairMatches(
        uv_query=uv[0],
        uv_stored=uv[1],
        points_query=points[0],
        points_stored=points[1],
        cam_from_query=se3.inverse(query.place_from_cam),
        cam_from_stored=se3.inverse(stored.place_from_cam),
        K_query=query.features.K,
        K_stored=stored.features.K,
    )


def _adjusted(start: Sim3, matches: PairMatches) -> Sim3 | None:
    current = start
    is_inlier = inlier_mask(current, matches)
    for _ in range(_ROUNDS):
        if int(is_inlier.sum()) < _MIN_PNP_INLIERS:
            return None
        try:
            current = fit_similarity(current, [matches.select(is_inlier)]).stored_from_query
        except AlignmentError:
            return None
        was_inlier, is_inlier = is_inlier, inlier_mask(current, matches)
        if (is_inlier == was_inlier).all():
            break
    return current


def _pose_of_query(matches: PairMatches) -> Sim3 | None:
    """Return the similarity from points of the stored place that the query image shows."""
    pose = _pnp(matches.points_stored, matches.uv_query, matches.K_query)
    if pose is None:
        return None
    # The camera as the stored place sees it, and as its own place does: the unit is what differs.
    seen = se3.transform(pose, matches.points_stored)[:, 2]
    own = se3.transform(matches.cam_from_query, matches.points_query)[:, 2]
    return _with_scale(se3.inverse(pose), matches.cam_from_query, seen, own)


def _pose_of_stored(matches: PairMatches) -> Sim3 | None:
    """Return the similarity from points of the query's place that the stored image shows."""
    pose = _pnp(matches.points_query, matches.uv_stored, matches.K_stored)
    if pose is None:
        return None
    seen = se3.transform(pose, matches.points_query)[:, 2]
    own = se3.transform(matches.cam_from_stored, matches.points_stored)[:, 2]
    found = _with_scale(se3.inverse(pose), matches.cam_from_stored, seen, own)
    return None if found is None else found.inverse()


def _with_scale(
    a_from_cam: Float[np.ndarray, '4 4'],
    cam_from_b: Float[np.ndarray, '4 4'],
    depth_a: Float[np.ndarray, ' m'],
    depth_b: Float[np.ndarray, ' m'],
) -> Sim3 | None:
    """Return a_from_b of one camera that both know, from depths of its points in both units."""
    with np.errstate(invalid='ignore'):
        use = (depth_a > 0) & (depth_b > 0)
    if int(use.sum()) < _MIN_PNP_INLIERS:
        return None
    scale = float(np.exp(np.median(np.log(depth_a[use] / depth_b[use]))))
    in_unit_of_a = Sim3(scale, cam_from_b[:3, :3], scale * cam_from_b[:3, 3])
    return Sim3(1.0, a_from_cam[:3, :3], a_from_cam[:3, 3]) @ in_unit_of_a


def _pnp(
    points: Float[np.ndarray, 'm 3'], uv: Float[np.ndarray, 'm 2'], K: Float[np.ndarray, '3 3']
) -> Float[np.ndarray, '4 4'] | None:
    """Return cam_from_place of a camera that sees points of a place."""
    use = np.isfinite(points[:, 0])
    if int(use.sum()) < MIN_COMMON_POINTS:
        return None
    return resected(
        points[use],
        uv[use],
        K,
        max_error_px=_max_error_px(K),
        min_inliers=_MIN_PNP_INLIERS,
        num_iterations=_PNP_ITERATIONS,
        confidence=_PNP_CONFIDENCE,
    )


def _max_error_px(K: Float[np.ndarray, '3 3']) -> float:
    return max(_MIN_ERROR_PX, _MAX_ERROR_RAD * float(K[0, 0]))


def _num_visible(query: KeyframeView, stored: KeyframeView, stored_from_query: Sim3) -> int:
    """Return how many features both images should show: the smaller number of the two."""
    forward = _num_inside(query, stored, stored_from_query)
    return min(forward, _num_inside(stored, query, stored_from_query.inverse()))


def _num_inside(seen: KeyframeView, by: KeyframeView, b_from_a: Sim3) -> int:
    points = seen.features.points_in_cam[seen.features.has_point].astype(np.float64)
    in_b = b_from_a.apply(se3.transform(seen.place_from_cam, points))
    uv = project(se3.transform(se3.inverse(by.place_from_cam), in_b), by.features.K)
    with np.errstate(invalid='ignore'):
        is_inside = (uv >= -0.5).all(axis=1) & (uv < np.array(by.features.image_size) - 0.5).all(1)
    return int(is_inside.sum())


def _refusal(
    pair: VerifiedPair, query_size: tuple[int, int], stored_size: tuple[int, int]
) -> Refusal | None:
    inliers = pair.inliers
    if len(inliers) < MIN_INLIERS:
        return Refusal.FEW_INLIERS
    if len(inliers) < _MIN_INLIER_SHARE * len(pair.matches) or pair.seen_share < _MIN_SEEN_SHARE:
        return Refusal.SMALL_SHARE
    cells = _num_cells(inliers.uv_query, query_size), _num_cells(inliers.uv_stored, stored_size)
    if min(cells) < _MIN_CELLS:
        return Refusal.NOT_SPREAD
    ratios = log_depth_ratios(pair.stored_from_query, inliers)
    ratios = ratios[np.isfinite(ratios)]
    if len(ratios) < MIN_COMMON_POINTS or median_and_sigma(ratios)[1] > _MAX_LOG_SCALE_SIGMA:
        return Refusal.NO_SCALE
    return None


def _num_cells(uv: Float[np.ndarray, 'm 2'], image_size: tuple[int, int]) -> int:
    cells = np.floor((uv + 0.5) * np.array(_GRID) / np.array(image_size)).astype(int)
    return len(np.unique(cells[:, 1] * _GRID[0] + cells[:, 0]))
