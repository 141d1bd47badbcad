"""The size of image that is needed: what comes larger is reduced before anything keeps it.

Features are looked for on images up to 1280 pixels wide and the network sees 518; an image of
Full HD is kept as it is.
"""

from __future__ import annotations

import math

import cv2
from jaxtyping import Bool, Float, UInt8
import numpy as np

from vggt_ros.geometry.pinhole import scale_K

MAX_PIXELS = 2_100_000


def needed_size(width: int, height: int) -> tuple[int, int]:
    """Return the size that an image is kept in: its own, or one of about `MAX_PIXELS`.

    Args:
        width: Of the image, pixels.
        height: Of the image, pixels.
    """
    if width * height <= MAX_PIXELS:
        return width, height
    scale = math.sqrt(MAX_PIXELS / (width * height))
    return max(1, math.floor(width * scale)), max(1, math.floor(height * scale))


def reduced(image: UInt8[np.ndarray, 'H W 3']) -> UInt8[np.ndarray, 'h w 3']:
    """Return an image in the size that is needed."""
    height, width = image.shape[:2]
    size = needed_size(width, height)
    if size == (width, height):
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def reduced_mask(is_seen: Bool[np.ndarray, 'H W']) -> Bool[np.ndarray, 'h w']:
    """Return which pixels of the reduced image show nothing but what was seen."""
    height, width = is_seen.shape
    size = needed_size(width, height)
    if size == (width, height):
        return is_seen
    share = cv2.resize(is_seen.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(share > 1.0 - 1e-3)


def reduced_K(K: Float[np.ndarray, '3 3'], width: int, height: int) -> Float[np.ndarray, '3 3']:
    """Return the intrinsics of the reduced image.

    Args:
        K: (3, 3) of the image as it came.
        width: Of that, pixels.
        height: Of that, pixels.
    """
    size = needed_size(width, height)
    return K if size == (width, height) else scale_K(K, size[0] / width, size[1] / height)
