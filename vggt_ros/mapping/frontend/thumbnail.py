"""A small gray copy of an image: enough to tell whether the camera moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
from jaxtyping import UInt8
import numpy as np

# Motion is measured on a copy of about this width; averaging over its pixels removes noise.
_SMALL_WIDTH_PX = 160
_NOISE_CROP_PX = 160
_NOISE_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
_NOISE_MASK_GAIN = 6.0
_MEDIAN_OF_NORMAL = 0.6745

# Reads the rows of an image that a slice names: (n, width, 3) RGB.
ReadRows = Callable[[slice], UInt8[np.ndarray, 'n width 3']]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thumbnail:
    """A small gray copy of an image.

    Attributes:
        gray: (h, w) brightness.
        noise_gray: Standard deviation of the noise that is left in it, in gray values.
    """

    gray: UInt8[np.ndarray, 'h w']
    noise_gray: float


def make_thumbnail(read_rows: ReadRows, width: int, height: int) -> Thumbnail:
    """Return the thumbnail of an image of which only some rows are read.

    Args:
        read_rows: Reads rows.
        width: Columns of the image.
        height: Rows of the image.
    """
    # Whole steps: averaging over them is several times faster than over parts of pixels. Of
    # large images some rows are left out, which does no harm.
    step = max(1, round(width / _SMALL_WIDTH_PX))
    skip = next(n for n in range(max(1, step // 3), 0, -1) if step % n == 0)
    size = (max(1, width // step), max(1, height // step))
    small = cv2.resize(read_rows(slice(0, height, skip)), size, interpolation=cv2.INTER_AREA)
    noise_gray = _noise_gray(read_rows, width, height) * float(np.sqrt(skip)) / step
    gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
    return Thumbnail(gray=gray, noise_gray=noise_gray)


def _noise_gray(read_rows: ReadRows, width: int, height: int) -> float:
    """Return the standard deviation of the noise of an image in gray values.

    Immerkaer, "Fast Noise Variance Estimation", CVIU 1996: a mask that is blind to brightness
    and slopes. The median instead of the mean forgets edges. Fine texture counts as noise, but
    it makes far stronger corners than noise does.
    """
    top, left = max(0, (height - _NOISE_CROP_PX) // 2), max(0, (width - _NOISE_CROP_PX) // 2)
    rows = read_rows(slice(top, min(height, top + _NOISE_CROP_PX)))
    gray = cv2.cvtColor(rows[:, left : left + _NOISE_CROP_PX], cv2.COLOR_RGB2GRAY)
    filtered = cv2.filter2D(gray, cv2.CV_16S, _NOISE_MASK)
    return float(np.median(np.abs(filtered))) / (_NOISE_MASK_GAIN * _MEDIAN_OF_NORMAL)
