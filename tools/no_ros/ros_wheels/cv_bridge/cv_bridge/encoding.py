"""What the name of an image encoding says about the image.

Python has no counterpart of the C++ header sensor_msgs/image_encodings.hpp; these are the
questions that it answers, with the same answers.
"""

from __future__ import annotations

from fractions import Fraction
import re

_COLOR_ORDERS = ('rgb', 'bgr', 'rgba', 'bgra')
_BAYER_ORDERS = ('bayer_rggb', 'bayer_bggr', 'bayer_gbrg', 'bayer_grbg')
# A plane of Y is followed by a plane of U and V, of a quarter or of all of the pixels.
_ROWS_PER_HEIGHT = {'nv12': Fraction(3, 2), 'nv21': Fraction(3, 2), 'nv24': Fraction(3)}
_YUV = ('yuv422', 'yuv422_yuy2', 'uyvy', 'yuyv', *_ROWS_PER_HEIGHT)
_WITH_DEPTH = re.compile(r'(rgba?|bgra?|mono|bayer_[rgb]{4})(8|16)')
_GENERIC = re.compile(r'(8|16|32|64)[USF]C([0-9]*)')


def layout_of(encoding: str) -> str | None:
    """Return the meaning of the channels, or None where the encoding does not say it.

    'rgb', 'bgr', 'rgba', 'bgra', 'mono' and 'bayer_...' whatever the depth; otherwise, for the
    YUV encodings, their name.
    """
    if encoding in _YUV:
        return encoding
    match = _WITH_DEPTH.fullmatch(encoding)
    if match is None:
        return None
    layout = match[1]
    known = layout == 'mono' or layout in _COLOR_ORDERS or layout in _BAYER_ORDERS
    return layout if known else None


def is_color_or_mono(encoding: str) -> bool:
    """Whether the channels are colors (YUV included) or a gray value, and not a mosaic."""
    layout = layout_of(encoding)
    return layout is not None and layout not in _BAYER_ORDERS


def num_channels(encoding: str) -> int:
    """Return the number of channels.

    Raises:
        RuntimeError: If the encoding is unknown; a bare type like '8U' counts as such.
    """
    layout = layout_of(encoding)
    if layout is None:
        match = _GENERIC.fullmatch(encoding)
        if match is None:
            raise RuntimeError(f'Unknown encoding {encoding}')
        return int(match[2] or 1)
    if layout in _YUV:
        return 2
    return len(layout) if layout in _COLOR_ORDERS else 1


def is_planar(encoding: str) -> bool:
    """Whether the image comes in planes below each other, as one channel."""
    return encoding in _ROWS_PER_HEIGHT


def num_rows(encoding: str, height: int) -> int:
    """Return the rows of bytes of an image of so many rows of pixels."""
    return int(height * _ROWS_PER_HEIGHT.get(encoding, Fraction(1)))


def height_of_rows(encoding: str, rows: int) -> int:
    """Return the rows of pixels of an image of so many rows of bytes."""
    return int(rows / _ROWS_PER_HEIGHT.get(encoding, Fraction(1)))


def bit_depth(encoding: str) -> int:
    """Return the bits of one channel of one pixel.

    Raises:
        RuntimeError: If the encoding is unknown; a bare type like '8U' counts as such.
    """
    match = _GENERIC.fullmatch(encoding)
    if match is not None:
        return int(match[1])
    layout = layout_of(encoding)
    if layout is None:
        raise RuntimeError(f'Unknown encoding {encoding}')
    return 8 if layout in _YUV else int(encoding[len(layout) :])
