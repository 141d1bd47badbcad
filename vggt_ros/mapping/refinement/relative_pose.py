"""Relative poses: how cameras of a window are known to see each other, by wheels or by a rig."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
import math

import gtsam
from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import rotation_vector_from_matrix

# Beyond so many standard deviations a relative pose pulls less and less: wheels slip.
_LOSS_SIGMAS = 2.0
# Takes no part: gtsam wants a number for every axis.
_FREE = 1e6
# A length that is so many standard deviations long tells the scale.
_CLEAR_SIGMAS = 3.0
# Without a length there is no direction.
_MIN_LENGTH = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RelativePose:
    """Where one camera of a window is known to be, seen from another.

    Attributes:
        row_a: Which camera sees.
        row_b: Which camera is seen.
        a_from_b: (4, 4) rigid.
        rotation_sigma_rad: Standard deviation about every axis.
        translation_sigma: Along every axis, units of the window; infinite if the length of the
            translation is not known in them.
        direction_sigma_rad: Of the direction of the translation where its length is not known;
            infinite if the direction is not known either.
    """

    row_a: int
    row_b: int
    a_from_b: Float[np.ndarray, '4 4']
    rotation_sigma_rad: float
    translation_sigma: float
    direction_sigma_rad: float = math.inf

    @property
    def length(self) -> float:
        """Length of the translation, in its own unit."""
        return float(np.linalg.norm(self.a_from_b[:3, 3]))

    @property
    def tells_length(self) -> bool:
        """Whether it says how long a unit of the window is."""
        return bool(self.length > _CLEAR_SIGMAS * self.translation_sigma)

    def moved(self, num_rows: int) -> RelativePose:
        """Return the same of a window with so many more cameras before its first."""
        return replace(self, row_a=self.row_a + num_rows, row_b=self.row_b + num_rows)


def relative_factors(
    relative: Sequence[RelativePose],
    window_from_cam: Float[np.ndarray, 'S 4 4'],
    rows: Collection[int],
    key_of: Callable[[int], int],
) -> list[gtsam.NonlinearFactor]:
    """Return the factors of relative poses: rotation and translation each with its own loss.

    A wheel that slips still tells that nothing turned, and the other way round.

    Args:
        relative: What is known; of cameras that take no part nothing is.
        window_from_cam: (S, 4, 4) where the cameras begin.
        rows: Cameras that take part.
        key_of: gtsam's key of a camera.
    """
    factors: list[gtsam.NonlinearFactor] = []
    for each in relative:
        if each.row_a not in rows or each.row_b not in rows:
            continue
        keys = key_of(each.row_a), key_of(each.row_b)
        measured = gtsam.Pose3(np.asfortranarray(each.a_from_b))
        turn = _robust([each.rotation_sigma_rad] * 3 + [_FREE] * 3)
        factors.append(gtsam.BetweenFactorPose3(*keys, measured, turn))
        if math.isfinite(each.translation_sigma):
            shift = _robust([_FREE] * 3 + [each.translation_sigma] * 3)
            factors.append(gtsam.BetweenFactorPose3(*keys, measured, shift))
        elif math.isfinite(each.direction_sigma_rad):
            between = window_from_cam[each.row_b, :3, 3] - window_from_cam[each.row_a, :3, 3]
            if min(each.length, float(np.linalg.norm(between))) > _MIN_LENGTH:
                # Rotation and direction are five numbers (Hartley and Zisserman, 2nd ed., 9.6).
                essential = gtsam.EssentialMatrix(
                    measured.rotation(), gtsam.Unit3(measured.translation())
                )
                direction = _robust([_FREE] * 3 + [each.direction_sigma_rad] * 2)
                factors.append(gtsam.EssentialMatrixConstraint(*keys, essential, direction))
    return factors


def _robust(sigmas: Sequence[float]) -> gtsam.noiseModel.Base:
    cauchy = gtsam.noiseModel.mEstimator.Cauchy.Create(_LOSS_SIGMAS)
    return gtsam.noiseModel.Robust.Create(
        cauchy, gtsam.noiseModel.Diagonal.Sigmas(np.array(sigmas))
    )


def contradiction(
    relative: Sequence[RelativePose], window_from_cam: Float[np.ndarray, 'S 4 4']
) -> float:
    """Return how much cameras contradict what is known of them: the sum of the losses.

    Args:
        relative: Rotations, and translations whose length is known.
        window_from_cam: (S, 4, 4); cameras of NaN contradict nothing.
    """
    total = 0.0
    for each in relative:
        poses = window_from_cam[[each.row_a, each.row_b]]
        if not np.isfinite(poses).all():
            continue
        off = se3.inverse(each.a_from_b) @ se3.inverse(poses[0]) @ poses[1]
        turn = rotation_vector_from_matrix(off[:3, :3]) / each.rotation_sigma_rad
        for part in (turn, off[:3, 3] / each.translation_sigma):
            ratio = float((part**2).sum()) / _LOSS_SIGMAS**2
            total += 0.5 * _LOSS_SIGMAS**2 * math.log1p(ratio)
    return total


def poses_along(
    known: Mapping[int, Float[np.ndarray, '4 4']],
    relative: Sequence[RelativePose],
    rotation: Mapping[int, Float[np.ndarray, '3 3']],
) -> dict[int, Float[np.ndarray, '4 4']]:
    """Return where cameras are, step by step from those that are known.

    Args:
        known: window_from_cam by row.
        relative: Those whose lengths are known lead on.
        rotation: Of cameras whose rotation is known better than by the steps.

    Returns:
        window_from_cam by row, of all that can be reached, those that were known among them.
    """
    found = dict(known)
    left = [each for each in relative if math.isfinite(each.translation_sigma)]
    while left:
        rest = []
        for each in left:
            if each.row_a in found and each.row_b not in found:
                row, pose = each.row_b, found[each.row_a] @ each.a_from_b
            elif each.row_b in found and each.row_a not in found:
                row, pose = each.row_a, found[each.row_b] @ se3.inverse(each.a_from_b)
            else:
                rest.append(each)
                continue
            found[row] = se3.rigid(rotation.get(row, pose[:3, :3]), pose[:3, 3])
        if len(rest) == len(left):
            break
        left = rest
    return found
