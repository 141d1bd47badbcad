"""Textures of overlapping leaves: edges and corners at all sizes, so that features can be found.

The dead leaves model of Lee, Mumford and Huang, "Occlusion Models for Natural Images", IJCV 2001:
discs and rectangles whose sizes follow a power law cover each other. What a camera sees of it has
the statistics of photographs, whatever the distance.
"""

from __future__ import annotations

import cv2
from jaxtyping import Float32
import numpy as np

from vggt_ros.synthetic.texture_patterns import spectral_noise

_NUM_LEAVES = 5000
_RADIUS = 0.0025, 0.09  # of the side of the picture
_NOISE_SHARE = 0.35


def leaf_texture(rng: np.random.Generator, size: int) -> Float32[np.ndarray, 'size size']:
    """Return a gray picture in 0..1 that tiles.

    Args:
        rng: Decides everything.
        size: Texels along a side.
    """
    picture = np.full((size, size), 0.5, np.float32)
    low, high = (size * radius for radius in _RADIUS)
    # A density of radius ** -3, cut at both ends, looks the same from all distances.
    uniform = rng.uniform(size=_NUM_LEAVES)
    radius = 1.0 / np.sqrt(low**-2 + uniform * (high**-2 - low**-2))
    order = np.argsort(-radius, kind='stable')  # small ones last, or few of them would be seen
    for r in radius[order].tolist():
        center = rng.uniform(0, size, 2)
        tone = float(rng.uniform(0.0, 1.0))
        shape = rng.uniform(-1.0, 1.0, 2)
        for shift in _wraps(center, 1.5 * r, size):
            _draw(picture, center + shift, r, shape, tone)
    noise = spectral_noise(rng, size, 1.0).astype(np.float32)
    return (1.0 - _NOISE_SHARE) * picture + np.float32(_NOISE_SHARE) * noise


def _wraps(center: np.ndarray, reach: float, size: int) -> list[np.ndarray]:
    """Return the shifts at which a leaf touches the picture, so that it tiles."""
    along = [
        [0.0, *([float(size)] if c < reach else []), *([-float(size)] if c > size - reach else [])]
        for c in center
    ]
    return [np.array([x, y]) for x in along[0] for y in along[1]]


def _draw(
    picture: np.ndarray, center: np.ndarray, radius: float, shape: np.ndarray, tone: float
) -> None:
    if shape[0] > 0:
        middle = (round(16 * float(center[0])), round(16 * float(center[1])))
        cv2.circle(picture, middle, round(16 * radius), tone, -1, cv2.LINE_8, 4)
        return
    angle = np.pi * shape[1]
    axis = radius * np.array([np.cos(angle), np.sin(angle)])
    across = (0.4 - 0.6 * shape[0]) * np.array([-axis[1], axis[0]])
    corners = np.stack([axis + across, axis - across, -axis - across, across - axis]) + center
    cv2.fillConvexPoly(picture, np.rint(16 * corners).astype(np.int32), tone, cv2.LINE_8, 4)
