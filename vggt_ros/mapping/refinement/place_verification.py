"""Place verification: whether two windows have been at one place, by several of their images.

One pair of images can be fooled; several that say the same similarity are fooled together only
where two places are alike all around. What tells such places apart is not in the images: there the
graph is asked, and the next window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import rotation_vector_from_matrix
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.refinement.pair_verification import (
    KeyframeView,
    Refusal,
    VerifiedPair,
    verify_views,
)
from vggt_ros.mapping.refinement.similarity_fit import fit_similarity, PairMatches, SimilarityFit

# Pairs of images that have to say the same.
MIN_PAIRS = 2
_ENOUGH_PAIRS = 4
# One of them at least is so clear; the others need `pair_verification.MIN_INLIERS`.
_MIN_BEST_INLIERS = 30
# Stored images that the older query images are compared with.
_STORED_FOR_OTHERS = 2
# What two pairs may differ by: windows bend a little. Radians, median depths, log scale.
_MAX_ROTATION_GAP_RAD, _MAX_TRANSLATION_GAP = np.radians(4.0), 0.1
_MAX_LOG_SCALE_GAP = 0.15
# Part of the pairs that has to agree.
_MIN_AGREEING_SHARE = 0.6
# Standard deviations from which on a similarity is worth nothing: radians, depths, log scale.
_MAX_ROTATION_SIGMA_RAD = np.radians(3.0)
_MAX_TRANSLATION_SIGMA = 0.15
_MAX_LOG_SCALE_SIGMA = 0.15
# Poses of windows are no better than this, whatever the residuals of a single pair of them say.
_MIN_ROTATION_SIGMA_RAD, _MIN_TRANSLATION_SIGMA, _MIN_LOG_SCALE_SIGMA = 2e-3, 5e-3, 5e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VerifiedPlace:
    """Two places that are one.

    Attributes:
        stored_from_query: Where what the query's window says is in the frame of the stored place.
        covariance: (7, 7) of an error on the right of stored_from_query @ query_from_cam, in the
            frame of the newest query camera, its units; see `uncertainty`.
        median_depth: Of the inliers in that camera, its units.
        num_inliers: Matches that fit, of all pairs.
        num_pairs: Pairs of images that say the same.
        sigma_px: Robust standard deviation of the reprojection error.
    """

    stored_from_query: Sim3
    covariance: Float[np.ndarray, '7 7']
    median_depth: float
    num_inliers: int
    num_pairs: int
    sigma_px: float


def verify_place(
    query: Sequence[KeyframeView], stored: Sequence[KeyframeView]
) -> VerifiedPlace | Refusal:
    """Return the similarity that at least two pairs of images agree on, or why there is none.

    Args:
        query: Keyframes of the newest window, in one frame, the newest one last.
        stored: Keyframes of the place that it may have come back to, in one frame.

    Returns:
        If no pair is verified, the reason of the pair that came closest.
    """
    newest = query[-1].place_from_cam
    newest_from_query = se3.inverse(newest)
    # About the newest camera, so that rotation and translation do not mix over a distance.
    local = [replace(v, place_from_cam=newest_from_query @ v.place_from_cam) for v in query]
    pairs, refusal = _verified_pairs(local, stored)
    if not pairs:
        return refusal
    if len(pairs) < MIN_PAIRS:
        return Refusal.ONE_PAIR
    median_depth = _median_depth([pair.inliers for pair in pairs])
    agreeing = _agreeing(pairs, median_depth)
    if isinstance(agreeing, Refusal):
        return agreeing
    inliers = [pair.inliers for pair in agreeing]
    best = max(agreeing, key=lambda pair: pair.num_inliers)
    if best.num_inliers < _MIN_BEST_INLIERS:
        return Refusal.FEW_INLIERS
    try:
        fit = fit_similarity(best.stored_from_query, inliers)
    except AlignmentError:
        return Refusal.INCONSISTENT
    covariance = _covariance(fit, inliers, median_depth)
    if not _is_certain(covariance, median_depth):
        return Refusal.UNCERTAIN
    return VerifiedPlace(
        stored_from_query=fit.stored_from_query
        @ Sim3(1.0, newest_from_query[:3, :3], newest_from_query[:3, 3]),
        covariance=covariance,
        median_depth=median_depth,
        num_inliers=sum(len(each) for each in inliers),
        num_pairs=len(inliers),
        sigma_px=fit.sigma_px,
    )


def _verified_pairs(
    query: Sequence[KeyframeView], stored: Sequence[KeyframeView]
) -> tuple[list[VerifiedPair], Refusal]:
    """Return the pairs that hold alone: older query images are tried if the newest one has any.

    Returns:
        The pairs, and the reason of the one that came closest of those that do not hold.
    """
    pairs: list[VerifiedPair] = []
    reasons = [Refusal.FEW_MATCHES]
    order = list(Refusal)
    compared = list(stored)
    for number, view in enumerate(reversed(query)):
        if number and (not pairs or len(pairs) >= _ENOUGH_PAIRS):
            break
        inliers = []
        for each in compared:
            found = verify_views(view, each)
            if isinstance(found, Refusal):
                reasons.append(found)
            else:
                pairs.append(found)
            inliers.append(0 if isinstance(found, Refusal) else found.num_inliers)
        if not number:  # others see most of what the newest one sees best
            best = np.argsort(inliers, kind='stable')[::-1][:_STORED_FOR_OTHERS]
            compared = [stored[k] for k in best]
    return pairs, max(reasons, key=order.index)


def _agreeing(pairs: Sequence[VerifiedPair], median_depth: float) -> list[VerifiedPair] | Refusal:
    """Return the pairs that say what most of them say, at least two."""
    differences = np.array([[_difference(a, b, median_depth) for b in pairs] for a in pairs])
    agrees = (differences <= 1.0).sum(axis=1)
    support = [(int(n), pair.num_inliers) for n, pair in zip(agrees, pairs, strict=True)]
    best = max(range(len(pairs)), key=lambda k: support[k])
    rows = np.flatnonzero(differences[best] <= 1.0)
    if len(rows) < MIN_PAIRS or len(rows) < _MIN_AGREEING_SHARE * len(pairs):
        return Refusal.INCONSISTENT
    return [pairs[int(row)] for row in rows]


def _difference(a: VerifiedPair, b: VerifiedPair, median_depth: float) -> float:
    """Return how far two similarities are apart at the newest query camera, 1 at the limits."""
    error = np.abs(_error(a.stored_from_query.inverse() @ b.stored_from_query))
    return max(
        float(np.linalg.norm(error[:3])) / float(_MAX_ROTATION_GAP_RAD),
        float(np.linalg.norm(error[3:6])) / (_MAX_TRANSLATION_GAP * median_depth),
        float(error[6]) / _MAX_LOG_SCALE_GAP,
    )


def _covariance(
    fit: SimilarityFit, inliers: Sequence[PairMatches], median_depth: float
) -> Float[np.ndarray, '7 7']:
    """Return the covariance of the fit, enlarged by what the single pairs differ from it.

    Windows are not as rigid as a fit believes, and the errors of their poses do not show in the
    residuals of one pair. Pairs share images, so that several say hardly more than two.
    """
    differences = [np.zeros(7)]
    for each in inliers:
        try:
            alone = fit_similarity(fit.stored_from_query, [each])
        except AlignmentError:
            continue
        differences.append(_error(fit.stored_from_query.inverse() @ alone.stored_from_query))
    square = np.sum(np.square(differences), axis=0) / max(len(differences) - 1, 1)
    scatter = isotropic(
        float(np.sqrt(square[:3].mean())),
        float(np.sqrt(square[3:6].mean())),
        float(np.sqrt(square[6])),
    )
    floor = isotropic(
        _MIN_ROTATION_SIGMA_RAD, _MIN_TRANSLATION_SIGMA * median_depth, _MIN_LOG_SCALE_SIGMA
    )
    return fit.covariance + scatter + floor


def _error(difference: Sim3) -> Float[np.ndarray, ' 7']:
    return np.concatenate(
        [
            rotation_vector_from_matrix(difference.rotation),
            difference.translation,
            [np.log(difference.scale)],
        ]
    )


def _is_certain(covariance: Float[np.ndarray, '7 7'], median_depth: float) -> bool:
    sigmas = np.sqrt(np.diag(covariance))
    return bool(
        sigmas[:3].max() <= _MAX_ROTATION_SIGMA_RAD
        and sigmas[3:6].max() <= _MAX_TRANSLATION_SIGMA * median_depth
        and sigmas[6] <= _MAX_LOG_SCALE_SIGMA
    )


def _median_depth(inliers: Sequence[PairMatches]) -> float:
    # The newest query camera is the origin of the frame that these points are in.
    depths = np.concatenate([each.points_query[:, 2] for each in inliers])
    return float(np.nanmedian(np.where(depths > 0, depths, np.nan)))
