"""Camera errors: relative poses of a window against the true ones, pair by pair."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
import numpy as np

from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.geometry.se3 import inverse

MIN_BASELINE_M = 0.05
AUC_LIMIT_DEG = 30
_GUESS_DEG = 90.0  # mean angle between a direction and a random one
_MIN_LENGTH = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairErrors:
    """Errors of the relative poses of P pairs of frames; free of world and scale.

    Attributes:
        rotation_deg: (P,) angle between estimated and true relative rotation, 0..180.
        direction_deg: (P,) angle between estimated and true direction of the relative
            translation, 0..180; NaN where the camera did not truly move.
    """

    rotation_deg: Float[np.ndarray, ' P']
    direction_deg: Float[np.ndarray, ' P']

    @classmethod
    def join(cls, parts: list[PairErrors]) -> PairErrors:
        """Return the pairs of several windows, at least one, as one."""
        return cls(
            rotation_deg=np.concatenate([part.rotation_deg for part in parts]),
            direction_deg=np.concatenate([part.direction_deg for part in parts]),
        )


def pair_errors(
    cam_from_world: Float[np.ndarray, 'S 4 4'],
    true_cam_from_world: Float[np.ndarray, 'S 4 4'],
    *,
    min_baseline_m: float = MIN_BASELINE_M,
    max_gap: int | None = None,
) -> PairErrors:
    """Compare pairs of frames i < j by `cam_j_from_cam_i`.

    The sign of a translation counts: a camera that moved forward did not move backward. (Some
    evaluations of relative pose forgive the sign, which an essential matrix leaves open.) An
    estimate without any translation is as good as a random one: 90 degrees.

    Args:
        cam_from_world: (S, 4, 4) estimated poses, any world, any unit.
        true_cam_from_world: (S, 4, 4) true poses, meters.
        min_baseline_m: Cameras nearer to each other than this have no direction.
        max_gap: Largest j - i; None for all pairs.
    """
    first, second = pairs_within(len(cam_from_world), max_gap)
    estimated = cam_from_world[second] @ inverse(cam_from_world[first])
    true = true_cam_from_world[second] @ inverse(true_cam_from_world[first])
    turned = np.swapaxes(estimated[:, :3, :3], -1, -2) @ true[:, :3, :3]
    direction_deg = _angle_deg(estimated[:, :3, 3], true[:, :3, 3])
    has_moved = np.linalg.norm(true[:, :3, 3], axis=1) >= min_baseline_m
    return PairErrors(
        rotation_deg=np.degrees(rotation_angle(turned)),
        direction_deg=np.where(has_moved, direction_deg, np.nan),
    )


def pairs_within(
    num_frames: int, max_gap: int | None = None
) -> tuple[Int[np.ndarray, ' P'], Int[np.ndarray, ' P']]:
    """Return all i and j with 0 < j - i <= `max_gap`, ordered by i and then by j.

    Args:
        num_frames: S; i and j are below it.
        max_gap: None for no limit.
    """
    reach = num_frames - 1 if max_gap is None else max_gap
    # Row by row, since all pairs of a long sequence would not fit into memory.
    second = [np.arange(i + 1, min(i + reach + 1, num_frames)) for i in range(num_frames)]
    lengths = [len(each) for each in second]
    first = np.repeat(np.arange(num_frames), lengths)
    return first, np.concatenate([np.arange(0), *second])


def pose_auc(errors: PairErrors, limit_deg: int = AUC_LIMIT_DEG) -> float:
    """Return the area under the recall curve of the relative pose, 0..1.

    With e_p the larger one of the two errors of pair p and R(t) the share of the pairs with
    e_p < t degrees, AUC@T = (R(1) + R(2) + ... + R(T)) / T, the area in steps of one degree. It
    is the mean average accuracy of Jin et al., "Image Matching Across Wide Baselines: From Paper
    to Practice", IJCV 2021, with T = 30 as in Wang et al., "PoseDiffusion", ICCV 2023, and in
    Wang et al., "VGGT", CVPR 2025, section 4.1. Those two describe R(t) as the smaller one of
    the shares of good rotations and of good directions; that is never less than this one.

    Args:
        errors: Pairs without a direction are left out.
        limit_deg: T, at least 1.

    Returns:
        NaN if no pair has a direction.
    """
    has_moved = np.isfinite(errors.direction_deg)
    if not has_moved.any():
        return float('nan')
    worse = np.maximum(errors.rotation_deg[has_moved], errors.direction_deg[has_moved])
    thresholds = np.arange(1, limit_deg + 1)
    return float((worse[:, None] < thresholds).mean())


def _angle_deg(
    a: Float[np.ndarray, 'P 3'], b: Float[np.ndarray, 'P 3']
) -> Float[np.ndarray, ' P']:
    sine, cosine = np.linalg.norm(np.cross(a, b), axis=1), (a * b).sum(axis=1)
    # Scaled by its length, however short: network units are arbitrary.
    is_defined = np.linalg.norm(a, axis=1) > _MIN_LENGTH
    return np.where(is_defined, np.degrees(np.arctan2(sine, cosine)), _GUESS_DEG)
