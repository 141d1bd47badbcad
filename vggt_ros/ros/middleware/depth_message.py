"""Depth images as messages bring them: read, and subsampled to what the scale needs."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32
import numpy as np
from sensor_msgs.msg import Image

from vggt_ros.ros.middleware.log_text import one_line

# Columns and rows; the scale needs no more.
MAX_SIDE = 160
_DTYPES = {'32FC1': 'f4', '16UC1': 'u2', 'mono16': 'u2'}
_MM_PER_M = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthGrid:
    """Which pixels of a depth image are kept: every n-th, those about the middles of their blocks.

    Attributes:
        width: Of the image, pixels.
        height: Of the image, pixels.
    """

    width: int
    height: int

    @property
    def columns(self) -> Float[np.ndarray, ' w']:
        """The u of the columns that are kept, 160 at most."""
        return self._picked(self.width)

    @property
    def rows(self) -> Float[np.ndarray, ' h']:
        """The v of the rows that are kept, 160 at most."""
        return self._picked(self.height)

    def _picked(self, length: int) -> Float[np.ndarray, ' n']:
        # One step for both, so that pixels stay square; an image of few columns keeps one.
        step = min(max(1, -(-max(self.width, self.height) // MAX_SIDE)), length)
        return np.arange(step // 2, length, step).astype(np.float64)


def depth_from_image(message: Image) -> Float32[np.ndarray, 'h w']:
    """Return the depth of an image in meters, on the pixels of its `DepthGrid`.

    Args:
        message: 32FC1 in meters, or 16UC1 (mono16) in millimeters with 0 for none.

    Raises:
        ValueError: Another encoding, or fewer bytes than its size needs.
    """
    if message.encoding not in _DTYPES:
        raise ValueError(
            f'depth has encoding {one_line(message.encoding)!r}; 32FC1 (meters) and 16UC1 '
            f'(millimeters) are understood'
        )
    dtype = np.dtype(_DTYPES[message.encoding]).newbyteorder('>' if message.is_bigendian else '<')
    height, width, step = message.height, message.width, message.step
    data = np.frombuffer(memoryview(message.data), np.uint8)
    if not (height and width and step >= width * dtype.itemsize and data.size >= height * step):
        raise ValueError(
            f'depth of {width} x {height} {message.encoding} with rows of {step} bytes needs '
            f'{height * step} bytes; got {data.size}'
        )
    grid = DepthGrid(width=width, height=height)
    rows = data[: height * step].reshape(height, step)[grid.rows.astype(np.int64)]
    values = np.ascontiguousarray(rows[:, : width * dtype.itemsize]).view(dtype)
    depth_m = values[:, grid.columns.astype(np.int64)].astype(np.float32)
    if dtype.kind == 'u':
        depth_m /= np.float32(_MM_PER_M)
    depth_m[~(np.isfinite(depth_m) & (depth_m > 0))] = np.nan
    return depth_m
