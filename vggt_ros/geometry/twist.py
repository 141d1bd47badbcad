"""Twists: small similarities as seven numbers, in the order of `uncertainty`."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_vector_from_matrix
from vggt_ros.geometry.sim3 import Sim3


def twist_of(difference: Sim3) -> Float[np.ndarray, ' 7']:
    """Return rotation vector, translation and log of the scale."""
    return np.concatenate(
        [
            rotation_vector_from_matrix(difference.rotation),
            difference.translation,
            [np.log(difference.scale)],
        ]
    )


def sim3_of(twist: Float[np.ndarray, ' 7']) -> Sim3:
    """Return the similarity of a twist: the inverse of `twist_of`."""
    rotation = matrix_from_rotation_vector(twist[:3])
    return Sim3(float(np.exp(twist[6])), rotation, twist[3:6].copy())
