"""A depth image in a file: one channel of 16 bits."""

from __future__ import annotations

from pathlib import Path

import cv2
from jaxtyping import Float32
import numpy as np

from vggt_ros.errors import SourceError

UNITS_PER_M = 1000.0  # millimeters
# 0 is no reading everywhere; the largest number is one in 7-Scenes, and beyond any sensor's reach.
_NO_READING = 0, 65535


def read_depth(path: Path, units_per_m: float = UNITS_PER_M) -> Float32[np.ndarray, 'H W']:
    """Read (H, W) depth along the optical axis, meters, NaN where there is no reading.

    Args:
        path: A file that OpenCV reads, for example .png or .pgm.
        units_per_m: What 1 m is in the file.

    Raises:
        SourceError: The file cannot be read or is not one channel of uint16.
    """
    units = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if units is None or units.ndim != 2 or units.dtype != np.uint16:
        found = 'nothing readable' if units is None else f'{units.dtype} {units.shape}'
        raise SourceError(
            f'{path} holds {found}; a depth image is one channel of uint16, {units_per_m:g} per '
            f'meter'
        )
    depth: Float32[np.ndarray, 'H W'] = units.astype(np.float32) / np.float32(units_per_m)
    depth[np.isin(units, _NO_READING)] = np.nan
    return depth
