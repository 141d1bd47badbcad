"""Packed colors: 0x00RRGGBB in one number, as PCL, rviz and Foxglove read them."""

from __future__ import annotations

from jaxtyping import UInt8, UInt32
import numpy as np


def packed(colors: UInt8[np.ndarray, '*n 3']) -> UInt32[np.ndarray, '*n']:
    """Return RGB colors, each in one number."""
    red, green, blue = (colors[..., channel].astype(np.uint32) for channel in range(3))
    return np.asarray(red << 16 | green << 8 | blue)


def unpacked(numbers: UInt32[np.ndarray, '*n']) -> UInt8[np.ndarray, '*n 3']:
    """Return the RGB colors that are in numbers."""
    return np.stack([numbers >> 16, numbers >> 8, numbers], axis=-1).astype(np.uint8)
