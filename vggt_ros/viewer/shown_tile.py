"""Shown tile: a tile of the map with what of it is on a canvas."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from jaxtyping import Float, Int64
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.submap_tiles import SubmapTile
from vggt_ros.viewer.level_of_detail import coarse_first, spacing


@dataclass(slots=True, kw_only=True, eq=False)
class ShownTile:
    """A tile as it is on the canvas; changed as that is.

    Attributes:
        tile: What is to be shown, coarse points first.
        num_coarse: How many these are.
        center: (3,) origin of the clouds in the submap's frame.
        spacing: Between points, map units of the submap.
        place: Where the clouds are on the canvas.
        parts: Points of the tile that each cloud on the canvas has.
        visible: Names of the clouds that are not hidden.
        is_stale: Whether points have to be sent again.
        has_other_colors: Whether colors have.
    """

    tile: SubmapTile
    num_coarse: int
    center: Float[np.ndarray, ' 3']
    spacing: float
    place: Sim3
    parts: dict[str, Int64[np.ndarray, ' n']] = field(default_factory=dict)
    visible: set[str] = field(default_factory=set)
    is_stale: bool = True
    has_other_colors: bool = False


def prepared(tile: SubmapTile, place: Sim3) -> ShownTile:
    """Return a tile that is not on the canvas yet; `place` is map_from_submap."""
    points = tile.points_in_submap
    distance = spacing(points)
    order, num_coarse = coarse_first(points, distance)
    center = (points.min(axis=0) + points.max(axis=0)).astype(np.float64) / 2
    return ShownTile(
        tile=rows_of(tile, order),
        num_coarse=num_coarse,
        center=center,
        spacing=distance,
        place=place @ Sim3(1.0, np.eye(3), center),
    )


def rows_of(tile: SubmapTile, rows: Int64[np.ndarray, ' n']) -> SubmapTile:
    """Return some points of a tile."""
    return replace(
        tile,
        points_in_submap=tile.points_in_submap[rows],
        colors=tile.colors[rows],
        confidence=tile.confidence[rows],
    )
