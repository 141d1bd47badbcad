"""Submap tiles: the points of the map by submap, in its frame, for who moves them with it.

A correction of the map changes where submaps are, not what is in their tiles.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from jaxtyping import Float32, UInt8
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap
from vggt_ros.mapping.layers.voxel_map import Voxels

# What moves with no submap, because that was forgotten, lies in the map itself.
NO_SUBMAP = -1
_STAYS = Sim3(1.0, np.eye(3), np.zeros(3))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SubmapTile:
    """The points of one submap; N of them, none if they have gone.

    Attributes:
        submap_id: What they move with.
        points_in_submap: (N, 3) in its frame; in the map's for `NO_SUBMAP`.
        colors: (N, 3) RGB.
        confidence: (N,) mean over the points in each voxel.
    """

    submap_id: int
    points_in_submap: Float32[np.ndarray, 'N 3']
    colors: UInt8[np.ndarray, 'N 3']
    confidence: Float32[np.ndarray, ' N']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiledMap:
    """Tiles of a map that changed, and where all its submaps are.

    Attributes:
        tiles: Whole tiles, ascending by id.
        places: map_from_submap by id, of all submaps; without `NO_SUBMAP`, which stays.
        segments: The segment of each.
        links: (M, 2) ids of submaps with an edge between them.
        loops: Those of the links that are loops.
        tick: Of the map, to be told when asking for what changed since.
    """

    tiles: tuple[SubmapTile, ...]
    places: Mapping[int, Sim3]
    segments: Mapping[int, int]
    links: tuple[tuple[int, int], ...]
    loops: frozenset[tuple[int, int]]
    tick: int


def place_of(submap_id: int, places: Mapping[int, Sim3]) -> Sim3:
    """Return map_from_submap; what is not known any more lies in the map itself."""
    return places.get(submap_id, _STAYS)


def places_of(submaps: Collection[PlacedSubmap]) -> dict[int, Sim3]:
    """Return map_from_submap by id."""
    return {each.id: each.map_from_submap for each in submaps}


def submap_tiles(
    voxels: Voxels, places: Mapping[int, Sim3], only: Collection[int] | None = None
) -> tuple[SubmapTile, ...]:
    """Return the tiles of a map.

    Args:
        voxels: All of them.
        places: map_from_submap by id; voxels of others become those of `NO_SUBMAP`.
        only: The submaps to return, with empty tiles for those without voxels; None for all that
            have some.
    """
    known = np.array(sorted(places), dtype=np.int64)
    ids = np.where(np.isin(voxels.submap_ids, known), voxels.submap_ids, NO_SUBMAP)
    if only is None:
        wanted = np.unique(ids).tolist()
    else:
        wanted = sorted({each if each in places else NO_SUBMAP for each in only})
    rows = np.flatnonzero(np.isin(ids, wanted))
    rows = rows[np.argsort(ids[rows], kind='stable')]
    begins = np.searchsorted(ids[rows], wanted)
    ends = np.searchsorted(ids[rows], wanted, side='right')
    tiles = []
    for submap_id, begin, end in zip(wanted, begins, ends, strict=True):
        own = rows[begin:end]
        submap_from_map = place_of(submap_id, places).inverse()
        means = voxels.means[own]
        points = submap_from_map.apply(means[:, :3].astype(np.float64))
        weights = voxels.weights[own] / np.maximum(voxels.hits[own], 1)
        tiles.append(
            SubmapTile(
                submap_id=submap_id,
                points_in_submap=points.astype(np.float32),
                colors=np.clip(np.rint(means[:, 3:]), 0, 255).astype(np.uint8),
                confidence=weights.astype(np.float32),
            )
        )
    return tuple(tiles)
