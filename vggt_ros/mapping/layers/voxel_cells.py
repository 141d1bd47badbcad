"""Voxel cells: what the voxel map knows of each voxel, and how cells of one voxel become one."""

from __future__ import annotations

from jaxtyping import Bool, Float32, Int64, UInt8
import numpy as np

from vggt_ros.geometry import grid_keys

# Insertions that count for a voxel: those of one that stood long are not worth more.
MAX_SUPPORT = 3
# Means, the sum of the weights they were taken with, number of points, the submap that saw the
# voxel first and moves it, insertions less the views through it since, last insertion or move.
CELL = np.dtype(
    [
        ('xyz', 'f4', 3),
        ('rgb', 'f4', 3),
        ('weight', 'f8'),
        ('hits', 'i8'),
        ('submap', 'i4'),
        ('support', 'i4'),
        ('seen', 'i8'),
    ]
)


def keys_of(
    points_in_map: Float32[np.ndarray, 'n 3'], voxel_size: float
) -> tuple[Int64[np.ndarray, ' m'], Bool[np.ndarray, ' n']]:
    """Return the voxels of the points that can have one, and which points those are."""
    index = np.floor(points_in_map / np.float32(voxel_size))
    valid: Bool[np.ndarray, ' n'] = np.ones(len(points_in_map), dtype=bool)
    if not np.abs(index).max(initial=0) < grid_keys.HALF:  # NaN is not smaller
        valid = np.asarray((np.abs(index) < grid_keys.HALF).all(axis=1))
        index = index[valid]
    return grid_keys.keys_of(*index.astype(np.int64).T), valid


def cells_of(
    points_in_map: Float32[np.ndarray, 'n 3'],
    colors: UInt8[np.ndarray, 'n 3'],
    confidence: Float32[np.ndarray, ' n'],
    voxel_size: float,
) -> tuple[Int64[np.ndarray, ' m'], np.ndarray]:
    """Return the sorted keys of the voxels the points are in, and one cell for each."""
    all_keys, valid = keys_of(points_in_map, voxel_size)
    if not valid.all():
        points_in_map, colors = points_in_map[valid], colors[valid]
        confidence = confidence[valid]
    keys, inverse = np.unique(all_keys, return_inverse=True)

    cells = np.zeros(len(keys), dtype=CELL)
    confidence = confidence.astype(np.float64)
    weight = np.bincount(inverse, confidence, len(keys))
    cells['weight'] = weight
    cells['hits'] = np.bincount(inverse, minlength=len(keys))
    for axis in range(3):
        cells['xyz'][:, axis] = np.bincount(inverse, confidence * points_in_map[:, axis]) / weight
        cells['rgb'][:, axis] = np.bincount(inverse, confidence * colors[:, axis]) / weight
    return keys, cells


def merged(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return the means of cells of the same voxels."""
    both = new.copy()
    both['submap'] = old['submap']
    both['support'] = np.clip(np.maximum(old['support'], 0) + 1, None, MAX_SUPPORT)
    both['seen'] = np.maximum(old['seen'], new['seen'])
    both['weight'] += old['weight']
    both['hits'] += old['hits']
    share = (new['weight'] / both['weight']).astype(np.float32)[:, None]
    for name in ('xyz', 'rgb'):
        both[name] = old[name] + share * (new[name] - old[name])
    return both


def joined(cells: np.ndarray, first: Int64[np.ndarray, ' m']) -> np.ndarray:
    """Return one cell for every run of cells; `first` are the positions where runs begin."""
    one = cells[first]
    if not len(first):
        return one
    weight = np.add.reduceat(cells['weight'], first)
    for name in ('xyz', 'rgb'):
        for axis in range(3):
            sums = np.add.reduceat(cells['weight'] * cells[name][:, axis], first)
            one[name][:, axis] = sums / weight
    one['weight'] = weight
    one['hits'] = np.add.reduceat(cells['hits'], first)
    one['seen'] = np.maximum.reduceat(cells['seen'], first)
    one['submap'] = np.minimum.reduceat(cells['submap'], first)
    one['support'] = np.maximum.reduceat(cells['support'], first)
    return one
