"""Ellipses: how well positions are known, as lines around them."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

# Of the chi-square distribution with three degrees of freedom: 95 of 100 are within.
RADIUS_95 = 2.795
_STEPS = 32
# More than this is no place but a guess; nothing is drawn.
MAX_SIGMA = 20.0


def ellipse_segments(
    centers: Float[np.ndarray, 'n 3'], covariances: Float[np.ndarray, 'n 3 3']
) -> Float[np.ndarray, 'm 2 3']:
    """Return lines around positions: the three principal sections of each 95 % ellipsoid.

    Args:
        centers: (n, 3) in the map.
        covariances: (n, 3, 3) of the positions, axes of the map; those that are not finite or too
            large draw nothing.
    """
    angle = np.linspace(0, 2 * np.pi, _STEPS + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    parts = []
    for center, covariance in zip(centers, covariances, strict=True):
        if not np.isfinite(covariance).all():
            continue
        variances, axes = np.linalg.eigh((covariance + covariance.T) / 2)
        sigmas = np.sqrt(np.maximum(variances, 0))
        if sigmas.max() > MAX_SIGMA or sigmas.max() == 0:
            continue
        radii = RADIUS_95 * sigmas * axes  # columns
        for i, j in ((0, 1), (0, 2), (1, 2)):
            ring = center + circle @ radii[:, [i, j]].T
            parts.append(np.stack([ring[:-1], ring[1:]], axis=1))
    return np.concatenate(parts) if parts else np.zeros((0, 2, 3))
