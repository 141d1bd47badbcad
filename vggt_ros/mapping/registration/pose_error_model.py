"""Pose error model: how wrong the network's poses usually are, learned from the overlaps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

# VGGT's before the first overlap, radians and median depths: what bends a window, over a
# translation of one median depth, and what shakes single cameras.
_FIRST_BEND, _FIRST_SHAKE = (0.006, 0.012), (0.001, 0.002)
# Overlaps that the first guess counts for, and how many are remembered.
_FIRST_WEIGHT, _MEMORY = 2.0, 40
# Errors so many times the usual are outliers, not noise.
_MAX_RATIO = 5.0
# Errors at least, radians and median depths: rounding, and pixels have a size.
_LEAST = np.array([2e-4, 2e-4])
_STEPS = 4


@dataclass(frozen=True, slots=True, eq=False)
class _Overlap:
    """Squared translations of an overlap's n pairs of cameras; squared errors along an axis."""

    way2: Float[np.ndarray, ' n']
    error2: Float[np.ndarray, 'n 2']


class PoseErrorModel:
    """Error of a camera pose relative to another one of its window, by the translation between.

    Two things are wrong: the whole window is bent, which grows with the translation t, and every
    camera is shaken on its own: variance(t) = (bend * t)^2 + shake^2. Short ones show the second,
    long ones the first; both are fitted to what the overlaps of windows showed, weighted by what
    is expected, so that a large error over a long translation does not hide what happens over a
    short one.

    Translations and positions are in median depths of the scene: a network sees no meters. The
    same two cameras in two windows have two relative poses; their difference is the error of both.
    """

    def __init__(self) -> None:
        self._overlaps: deque[_Overlap] = deque(maxlen=_MEMORY)
        # Rotation and translation; variances.
        self._bend2 = np.square(_FIRST_BEND)
        self._shake2 = np.square(_FIRST_SHAKE)

    def over(self, way: float, num_cameras: int = 1) -> tuple[float, float]:
        """Return the standard deviations of rotation, radians, and position, median depths.

        Args:
            way: Length of the translation between the two cameras, median depths.
            num_cameras: That stand for the second one, as their mean.
        """
        shake2 = (self._shake2 + _LEAST**2) / num_cameras
        rotation, translation = np.sqrt(self._bend2 * way**2 + shake2)
        return float(rotation), float(translation)

    def learn(
        self,
        ways: Float[np.ndarray, ' n'],
        turns_rad: Float[np.ndarray, ' n'],
        shifts: Float[np.ndarray, ' n'],
    ) -> None:
        """Take in what two predictions of the pairs of cameras of an overlap differ by.

        Args:
            ways: (n,) translations between the two cameras of a pair, median depths.
            turns_rad: (n,) rotation residuals: angle between the two relative orientations.
            shifts: (n,) translation residuals: distance of the two relative positions, in
                median depths.
        """
        # Two predictions err, and each in three directions.
        error2 = np.stack([turns_rad, shifts], axis=1).astype(float) ** 2 / 6.0
        way2 = np.asarray(ways, dtype=float) ** 2
        use = np.isfinite(way2) & np.isfinite(error2).all(axis=1)
        if not use.any():
            return
        most = _MAX_RATIO**2 * self._variance(way2[use])
        self._overlaps.append(_Overlap(way2[use], np.minimum(error2[use], most)))
        self._fit()

    def _variance(self, way2: Float[np.ndarray, ' n']) -> Float[np.ndarray, 'n 2']:
        return way2[:, None] * self._bend2 + self._shake2 + _LEAST**2

    def _fit(self) -> None:
        way2 = np.concatenate([each.way2 for each in self._overlaps])
        error2 = np.concatenate([each.error2 for each in self._overlaps])
        # Pairs of one overlap have cameras in common: together they count as one.
        weight = np.concatenate([np.full(len(e.way2), 1.0 / len(e.way2)) for e in self._overlaps])
        for _ in range(_STEPS):
            expected = self._variance(np.concatenate([way2, [1.0, 0.0]]))
            for kind in range(2):
                bend2, shake2 = _two_variances(
                    np.concatenate([way2, [1.0, 0.0]]),
                    np.concatenate(
                        [error2[:, kind], [_FIRST_BEND[kind] ** 2, _FIRST_SHAKE[kind] ** 2]]
                    ),
                    np.concatenate([weight, [_FIRST_WEIGHT] * 2]) / expected[:, kind] ** 2,
                )
                self._bend2[kind], self._shake2[kind] = bend2, shake2


def _two_variances(
    way2: Float[np.ndarray, ' n'], error2: Float[np.ndarray, ' n'], weight: Float[np.ndarray, ' n']
) -> tuple[float, float]:
    """Return the slope and the offset of a line, neither negative, by weighted least squares."""
    xx, x1, one = weight @ way2**2, weight @ way2, weight.sum()
    xy, y1 = weight @ (way2 * error2), weight @ error2
    determinant = xx * one - x1**2
    slope, offset = (xy * one - x1 * y1) / determinant, (xx * y1 - x1 * xy) / determinant
    if slope < 0.0:
        return 0.0, float(y1 / one)
    if offset < 0.0:
        return float(xy / xx), 0.0
    return float(slope), float(offset)
