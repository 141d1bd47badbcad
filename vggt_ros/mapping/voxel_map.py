"""The accumulated cloud, thinned to one point per voxel and bounded."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float32, Int64, UInt8
import numpy as np

# A voxel's three indices share one 63-bit key.
_BITS = 21
_HALF = 1 << (_BITS - 1)
# Evicting a little more than needed spares every insertion of a full map from evicting again.
_KEEP_WHEN_FULL = 0.95
# Means, the sum of the weights they were taken with, number of points, last insertion.
_CELL = np.dtype(
    [('xyz', 'f4', 3), ('rgb', 'f4', 3), ('weight', 'f8'), ('hits', 'i8'), ('seen', 'i8')]
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapPoints:
    """The points of the map; N of them, in no particular order.

    Attributes:
        points_in_map: (N, 3) map units.
        colors: (N, 3) RGB.
        confidence: (N,) mean over the points in each voxel.
        hits: (N,) number of points that fell into each voxel.
    """

    points_in_map: Float32[np.ndarray, 'N 3']
    colors: UInt8[np.ndarray, 'N 3']
    confidence: Float32[np.ndarray, ' N']
    hits: Int64[np.ndarray, ' N']


class VoxelMap:
    """Means of points, colours and confidence by voxel.

    Voxels live in columns that grow to the bound; sorted keys beside them say which voxel is
    where. Not thread-safe.
    """

    def __init__(self, voxel_size: float, max_points: int) -> None:
        """Start empty.

        Args:
            voxel_size: Edge of a voxel, map units.
            max_points: Most voxels kept.
        """
        self._voxel_size = voxel_size
        self._max_points = max_points
        self._keys = np.zeros(0, dtype=np.int64)
        self._slots = np.zeros(0, dtype=np.int64)
        self._cells = np.zeros(0, dtype=_CELL)
        self._free = np.zeros(0, dtype=np.int64)
        self._tick = 0

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def max_points(self) -> int:
        """Most voxels kept; a smaller value takes effect at once."""
        return self._max_points

    @max_points.setter
    def max_points(self, max_points: int) -> None:
        self._max_points = max_points
        if len(self) > max_points:
            self._tick += 1  # nothing is exempt as just seen
            self._evict(len(self) - max_points)
            self._cells = self._cells[self._slots]
            self._slots = np.arange(len(self._keys))
            self._free = np.zeros(0, dtype=np.int64)

    def clear(self) -> None:
        """Forget all points."""
        self._keys, self._slots = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._cells, self._free = np.zeros(0, _CELL), np.zeros(0, np.int64)
        self._tick = 0

    def insert(
        self,
        points_in_map: Float32[np.ndarray, 'n 3'],
        colors: UInt8[np.ndarray, 'n 3'],
        confidence: Float32[np.ndarray, ' n'],
    ) -> None:
        """Add points that were seen together; the voxels seen longest ago make room for them.

        Args:
            points_in_map: (n, 3) map units. Points that are not finite, or a million voxels
                from the origin, are left out.
            colors: (n, 3) RGB.
            confidence: (n,) positive; the weights of the means.
        """
        self._tick += 1
        keys, cells = _cells(points_in_map, colors, confidence, self._voxel_size, self._tick)
        place = np.searchsorted(self._keys, keys)
        known = np.zeros(len(keys), dtype=bool)
        within = place < len(self._keys)
        known[within] = self._keys[place[within]] == keys[within]
        slots = self._slots[place[known]]
        self._cells[slots] = _merged(self._cells[slots], cells[known])
        self._add(keys[~known], cells[~known])

    def points(self) -> MapPoints:
        """Return a copy of all points."""
        cells = self._cells[self._slots]
        return MapPoints(
            points_in_map=np.ascontiguousarray(cells['xyz']),
            colors=np.rint(cells['rgb']).astype(np.uint8),
            confidence=(cells['weight'] / np.maximum(cells['hits'], 1)).astype(np.float32),
            hits=np.ascontiguousarray(cells['hits']),
        )

    def _add(self, keys: Int64[np.ndarray, ' n'], cells: np.ndarray) -> None:
        excess = len(self) + len(keys) - self._max_points
        if excess > 0:
            slack = self._max_points - int(_KEEP_WHEN_FULL * self._max_points)
            self._evict(min(excess + slack, len(self)))
            room = self._max_points - len(self)
            if len(keys) > room:  # one insertion is more than the whole bound
                best = np.sort(np.argsort(-cells['weight'], kind='stable')[:room])
                keys, cells = keys[best], cells[best]
        slots = self._allocate(len(keys))
        self._cells[slots] = cells
        place = np.searchsorted(self._keys, keys)
        self._keys = np.insert(self._keys, place, keys)
        self._slots = np.insert(self._slots, place, slots)

    def _allocate(self, num: int) -> Int64[np.ndarray, ' n']:
        used = len(self._keys) + len(self._free)
        slots, self._free = self._free[:num], self._free[num:]
        missing = num - len(slots)
        if used + missing > len(self._cells):
            capacity = min(self._max_points, max(2 * len(self._cells), used + missing))
            grown = np.zeros(capacity, dtype=_CELL)
            grown[:used] = self._cells[:used]
            self._cells = grown
        return np.concatenate([slots, np.arange(used, used + missing)])

    def _evict(self, num: int) -> None:
        """Remove the `num` voxels seen longest ago, but none that this insertion saw."""
        seen = self._cells['seen'][self._slots]
        gone = np.zeros(len(seen), dtype=bool)
        gone[np.argsort(seen, kind='stable')[:num]] = True
        gone &= seen < self._tick
        self._free = np.concatenate([self._free, self._slots[gone]])
        self._keys, self._slots = self._keys[~gone], self._slots[~gone]


def _cells(
    points_in_map: Float32[np.ndarray, 'n 3'],
    colors: UInt8[np.ndarray, 'n 3'],
    confidence: Float32[np.ndarray, ' n'],
    voxel_size: float,
    tick: int,
) -> tuple[Int64[np.ndarray, ' m'], np.ndarray]:
    """Return the sorted keys of the voxels the points are in, and one cell for each."""
    index = np.floor(points_in_map / np.float32(voxel_size))
    if not np.abs(index).max(initial=0) < _HALF:  # NaN is not smaller
        valid = (np.abs(index) < _HALF).all(axis=1)
        points_in_map, colors = points_in_map[valid], colors[valid]
        confidence, index = confidence[valid], index[valid]
    i, j, k = (index[:, axis].astype(np.int64) + _HALF for axis in range(3))
    keys, inverse = np.unique((i << 2 * _BITS) | (j << _BITS) | k, return_inverse=True)

    cells = np.zeros(len(keys), dtype=_CELL)
    confidence = confidence.astype(np.float64)
    weight = np.bincount(inverse, confidence, len(keys))
    cells['weight'], cells['seen'] = weight, tick
    cells['hits'] = np.bincount(inverse, minlength=len(keys))
    for axis in range(3):
        cells['xyz'][:, axis] = np.bincount(inverse, confidence * points_in_map[:, axis]) / weight
        cells['rgb'][:, axis] = np.bincount(inverse, confidence * colors[:, axis]) / weight
    return keys, cells


def _merged(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return the means of cells of the same voxels."""
    merged = new.copy()
    merged['weight'] += old['weight']
    merged['hits'] += old['hits']
    share = (new['weight'] / merged['weight']).astype(np.float32)[:, None]
    for name in ('xyz', 'rgb'):
        merged[name] = old[name] + share * (new[name] - old[name])
    return merged
