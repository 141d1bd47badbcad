"""Image shift: how far the whole of an image moved since the one before it."""

from __future__ import annotations

import cv2
from jaxtyping import Float, Float32, UInt8
import numpy as np

# Shifts are in pixels of an image of this size, whatever its shape.
_WIDTH_PX, _HEIGHT_PX = 80, 60
# Brightness and contrast do not count, unless there is no contrast.
_LEAST_CONTRAST_GRAY = 4.0
_LEAST_CONTRAST = 0.3
_WINDOW = cv2.createHanningWindow((_WIDTH_PX, _HEIGHT_PX), cv2.CV_32F)
_BLOCK_PX = 20
# A block that a shift explains better, or worse, than no shift by this part has a say.
_SAY = 0.03


def shift_view(gray: UInt8[np.ndarray, 'h w']) -> Float32[np.ndarray, '60 80']:
    """Return a small copy of an image, for `image_shift`, that no exposure changes."""
    size = _WIDTH_PX, _HEIGHT_PX
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray((small - small.mean()) / (small.std() + np.float32(_LEAST_CONTRAST_GRAY)))


def image_shift(
    before: Float32[np.ndarray, '60 80'], after: Float32[np.ndarray, '60 80']
) -> Float[np.ndarray, ' 2']:
    """Return how far an image moved, right and down, pixels of 80 columns and 60 rows.

    Phase correlation (Kuglin and Hines, "The phase correlation image alignment method", 1975).
    What moves in a part of the image must not count as the motion of the camera: where most
    blocks stood still, all of it did.

    Returns:
        (2,) NaN if the image has nothing in it that could be seen to move, or its parts disagree.
    """
    if min(before.std(), after.std()) < _LEAST_CONTRAST:
        return np.full(2, np.nan)
    (right, down), _ = cv2.phaseCorrelate(before, after, _WINDOW)
    matrix = np.array([[1.0, 0.0, right], [0.0, 1.0, down]])
    moved = cv2.warpAffine(
        before, matrix, (_WIDTH_PX, _HEIGHT_PX), borderMode=cv2.BORDER_REPLICATE
    )
    off_moved, off_still = (
        _block_means(np.abs(after - moved)),
        _block_means(np.abs(after - before)),
    )
    num_for = (off_moved < (1.0 - _SAY) * off_still).sum()
    num_against = (off_still < (1.0 - _SAY) * off_moved).sum()
    if num_for > num_against:
        return np.array([right, down])
    return np.zeros(2) if num_against > off_still.size // 2 else np.full(2, np.nan)


def _block_means(image: Float32[np.ndarray, '60 80']) -> Float32[np.ndarray, '3 4']:
    rows, columns = _HEIGHT_PX // _BLOCK_PX, _WIDTH_PX // _BLOCK_PX
    blocks = image.reshape(rows, _BLOCK_PX, columns, _BLOCK_PX)
    means: Float32[np.ndarray, '3 4'] = blocks.mean(axis=(1, 3))
    return means
