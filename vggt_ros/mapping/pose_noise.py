"""How wrong the network's poses usually are, learned from the seams."""

from __future__ import annotations

import numpy as np

# Errors that bend a whole window grow with the way, those of single cameras with its root. The
# seams show their sum over a short way; a power in between carries it to a longer one.
_POWER = 0.75
# VGGT's, before the first seam: radians, and median depths, for a way of one median depth.
_FIRST_ROTATION_RAD, _FIRST_TRANSLATION = 0.01, 0.02
# Seams that the first guess counts for, and how many are remembered.
_FIRST_WEIGHT, _MEMORY = 4.0, 40.0
# A seam over no way at all says nothing about errors that grow with the way.
_MIN_WAY = 0.01
# Errors of a window far out of the usual are outliers, not noise.
_MAX_RATIO = 5.0


class PoseNoise:
    """Error of a camera pose relative to another one of its window, per way between them.

    Ways and positions are in median depths of the scene: a network sees no metres. The same two
    cameras in two windows have two relative poses; what lies between them is the error of both.

    Attributes:
        rotation_rad: Standard deviation along every axis, over a way of one median depth.
        translation: The same of the position, in median depths.
    """

    def __init__(self) -> None:
        self.rotation_rad = _FIRST_ROTATION_RAD
        self.translation = _FIRST_TRANSLATION
        self._weight = _FIRST_WEIGHT

    def over(self, way: float) -> tuple[float, float]:
        """Return the standard deviations of rotation, radians, and position, median depths.

        Args:
            way: Between the two cameras, median depths.
        """
        share = way**_POWER
        return self.rotation_rad * share, self.translation * share

    def learn(self, way: float, turn_rad: float, shift: float) -> None:
        """Take in what two predictions of two cameras differ by.

        Args:
            way: Between the two cameras, median depths.
            turn_rad: Angle between the two relative orientations.
            shift: Distance of the two relative positions, median depths.
        """
        if not (way >= _MIN_WAY and np.isfinite([turn_rad, shift]).all()):
            return
        # Two predictions err, and each in three directions.
        share = 1.0 / np.sqrt(6.0) / way**_POWER
        self._weight = min(self._weight + 1.0, _MEMORY)
        rotation = min(share * turn_rad, _MAX_RATIO * self.rotation_rad)
        translation = min(share * shift, _MAX_RATIO * self.translation)
        gain = 1.0 / self._weight
        self.rotation_rad = _mean_square(self.rotation_rad, rotation, gain)
        self.translation = _mean_square(self.translation, translation, gain)


def _mean_square(old: float, new: float, gain: float) -> float:
    return float(np.sqrt((1.0 - gain) * old**2 + gain * new**2))
