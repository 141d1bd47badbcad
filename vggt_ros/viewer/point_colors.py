"""Point colors: what a point is painted with, by one of `COLORINGS`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from jaxtyping import Float, UInt8
import matplotlib
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.submap_tiles import SubmapTile

# Hues of neighbors in a sequence are far apart.
_GOLDEN = 0.618034


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorRange:
    """What the ends of the color scales mean, for all tiles.

    Attributes:
        heights: Of blue and of red, map units.
        confidences: Logarithms of those of dark and of bright.
        ages: Ids of the oldest and of the newest submap.
    """

    heights: tuple[float, float] = (0.0, 1.0)
    confidences: tuple[float, float] = (0.0, 1.0)
    ages: tuple[int, int] = (0, 1)


def tile_colors(
    tile: SubmapTile, map_from_submap: Sim3, coloring: str, ends: ColorRange
) -> UInt8[np.ndarray, 'N 3']:
    """Return (N, 3) RGB of the points of a tile.

    Args:
        tile: The points.
        map_from_submap: Where they are, for heights.
        coloring: One of `COLORINGS`.
        ends: Of the scales.
    """
    count = len(tile.confidence)
    if coloring == 'height':
        heights = map_from_submap.apply(tile.points_in_submap.astype(np.float64))[:, 2]
        return painted(heights, *ends.heights, 'turbo')
    if coloring == 'confidence':
        logs = np.log(np.maximum(tile.confidence.astype(np.float64), 1e-6))
        return painted(logs, *ends.confidences, 'viridis')
    if coloring == 'submap':
        return np.tile(submap_color(tile.submap_id), (count, 1))
    if coloring == 'age':
        oldest, newest = ends.ages
        return painted(
            np.full(count, float(tile.submap_id)), float(oldest), float(newest), 'plasma'
        )
    return tile.colors


def submap_color(submap_id: int) -> UInt8[np.ndarray, ' 3']:
    """Return the RGB of a submap; those that follow each other look different."""
    hue = (submap_id * _GOLDEN) % 1.0
    rgb = matplotlib.colors.hsv_to_rgb((hue, 0.6, 0.95))
    return np.rint(255 * np.asarray(rgb)).astype(np.uint8)


def painted(
    values: Float[np.ndarray, '*n'], low: float, high: float, scale: str
) -> UInt8[np.ndarray, '*n 3']:
    """Return RGB of values by a color scale of matplotlib; NaN is black."""
    share = (values - low) / max(high - low, 1e-9)
    rows = np.clip(np.nan_to_num(share), 0, 1) * 255
    colors = _table(scale)[np.rint(rows).astype(np.uint8)]
    colors[~np.isfinite(values)] = 0
    return colors


@lru_cache
def _table(scale: str) -> UInt8[np.ndarray, '256 3']:
    colors = matplotlib.colormaps[scale](np.linspace(0, 1, 256))[:, :3]
    return np.rint(255 * colors).astype(np.uint8)
