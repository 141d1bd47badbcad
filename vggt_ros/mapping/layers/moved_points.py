"""Moved points: where points go with the submaps that they belong to, all at once."""

from __future__ import annotations

from jaxtyping import Bool, Float32, Int
import numpy as np

from vggt_ros.geometry.sim3_array import Sim3Array
from vggt_ros.mapping.backend.submap_graph import Correction

# Points that are moved at a time: a matrix for each of them is larger than they are.
_BLOCK = 100_000


def moved_points(
    points_in_map: Float32[np.ndarray, 'n 3'],
    submap_ids: Int[np.ndarray, ' n'],
    correction: Correction,
) -> tuple[Float32[np.ndarray, 'n 3'], Bool[np.ndarray, ' n']]:
    """Return the points after a correction of the map, and which of them were moved.

    Args:
        points_in_map: (n, 3) map units.
        submap_ids: (n,) what each moves with.
        correction: Where submaps go; points of others stay.
    """
    moved, is_moved = points_in_map.copy(), np.zeros(len(submap_ids), dtype=bool)
    if not correction:
        return moved, is_moved
    ids = np.array(sorted(correction), dtype=np.int64)
    moves = Sim3Array.of([correction[each] for each in ids.tolist()])
    linear = moves.scale[:, None, None] * moves.rotation
    for start in range(0, len(submap_ids), _BLOCK):
        block = slice(start, start + _BLOCK)
        row = np.minimum(np.searchsorted(ids, submap_ids[block]), len(ids) - 1)
        is_known = ids[row] == submap_ids[block]
        row, points = row[is_known], points_in_map[block][is_known]
        turned = np.einsum('nij,nj->ni', linear[row], points.astype(np.float64))
        moved[block][is_known] = turned + moves.translation[row]
        is_moved[block] = is_known
    return moved, is_moved
