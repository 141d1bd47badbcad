"""OpenCV's numbers for the type of an image: its depth and its number of channels."""

from __future__ import annotations

import re

import cv2
from cv_bridge.encoding import is_planar, layout_of, num_channels
import numpy as np

DEPTHS = ('8U', '8S', '16U', '16S', '32S', '32F', '64F')
"""OpenCV's names of the depths, in the order of their numbers."""

DTYPES = tuple(
    np.dtype(name) for name in ('uint8', 'int8', 'uint16', 'int16', 'int32', 'float32', 'float64')
)
"""NumPy's types for `DEPTHS`."""

# A type is depth + (channels - 1 << shift). OpenCV 5 has more depths, thus fewer bits for the
# channels: shift 5 and 128 channels instead of 3 and 512.
_CHANNEL_SHIFT = (cv2.CV_8UC2 - cv2.CV_8UC1).bit_length() - 1
_MAX_CHANNELS = 512 if _CHANNEL_SHIFT == 3 else 128
_GENERIC = re.compile(r'(8U|8S|16U|16S|32S|32F|64F)(?:C([0-9]+))?')


def getCvType(encoding: str) -> int:
    """Return OpenCV's type for images of an encoding, like cv2.CV_8UC3.

    Raises:
        RuntimeError: If the encoding has none.
    """
    layout = layout_of(encoding)
    if layout is not None:
        depth = '16U' if encoding.endswith('16') else '8U'
        return _make_type(depth, 1 if is_planar(encoding) else num_channels(encoding))
    match = _GENERIC.fullmatch(encoding)
    if match is None:
        raise RuntimeError(f'Unrecognized image encoding [{encoding}]')
    return _make_type(match[1], int(match[2] or 1))


def CV_MAT_CNWrap(cv_type: int) -> int:
    """Return the number of channels of an OpenCV type."""
    return (cv_type >> _CHANNEL_SHIFT) % _MAX_CHANNELS + 1


def CV_MAT_DEPTHWrap(cv_type: int) -> int:
    """Return the depth of an OpenCV type, like cv2.CV_8U."""
    return cv_type & ((1 << _CHANNEL_SHIFT) - 1)


def _make_type(depth: str, channels: int) -> int:
    return DEPTHS.index(depth) + ((channels - 1) << _CHANNEL_SHIFT)
