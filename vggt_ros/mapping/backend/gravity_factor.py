"""Gravity factor: what the direction of gravity says of a submap's roll and pitch (gtsam)."""

from __future__ import annotations

import gtsam
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.registration.up_direction import across, turn_upright, UpDirection

# A direction that disagrees by more standard deviations than this pulls less and less.
_ROBUST_SIGMAS = 3.0


def upright_place(place: Sim3, up: UpDirection) -> Sim3:
    """Return the place nearest to one where up is up; turned about the submap's origin."""
    turn = turn_upright(place.rotation @ up.along_axes)
    return Sim3(place.scale, turn @ place.rotation, place.translation)


def gravity_noise(up: UpDirection, size: int) -> gtsam.noiseModel.Base:
    """Return the noise of a prior at `upright_place` that says nothing but roll and pitch.

    The prior's error is that of `uncertainty`, in the frame of the submap. Turned about the
    vertical by whatever angle, moved or scaled, a submap is as upright as before: those errors
    have no information at all. gtsam's own attitude factor knows rigid poses only.

    Args:
        up: Along the axes of the submap.
        size: 6 for rigid places, 7 for similarities.
    """
    information = np.zeros((size, size))
    information[:2, :3] = across(up.along_axes).T / up.sigma_rad
    gaussian = gtsam.noiseModel.Gaussian.SqrtInformation(information, False)
    cauchy = gtsam.noiseModel.mEstimator.Cauchy.Create(_ROBUST_SIGMAS * np.sqrt(2.0))
    return gtsam.noiseModel.Robust.Create(cauchy, gaussian)
