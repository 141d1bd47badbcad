"""Floor image: an occupancy grid as a picture that lies in the map."""

from __future__ import annotations

from jaxtyping import Int8, UInt8
import numpy as np

_FREE, _OCCUPIED = (90, 200, 140, 90), (240, 80, 70, 220)
_OCCUPIED_FROM = 50
_SHARP_SIDE = 1024


def floor_image(cells: Int8[np.ndarray, 'H W']) -> UInt8[np.ndarray, 'h w 4']:
    """Return RGBA of cells: free is green, occupied red, unknown nothing.

    A cell of a small grid is several pixels.

    Args:
        cells: (H, W) -1 unknown, else 0 free to 100 occupied.
    """
    image = np.zeros((*cells.shape, 4), np.uint8)
    image[(cells >= 0) & (cells < _OCCUPIED_FROM)] = _FREE
    image[cells >= _OCCUPIED_FROM] = _OCCUPIED
    # A browser blurs pixels that it enlarges.
    times = max(1, _SHARP_SIDE // max(1, *cells.shape))
    return image.repeat(times, axis=0).repeat(times, axis=1)
