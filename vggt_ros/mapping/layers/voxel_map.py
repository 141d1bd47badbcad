"""Voxel map: the accumulated cloud, downsampled to one point per voxel and bounded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from jaxtyping import Bool, Float, Float32, Float64, Int32, Int64, UInt8
import numpy as np

from vggt_ros.geometry import grid_keys
from vggt_ros.mapping.backend.submap_graph import Correction
from vggt_ros.mapping.layers.moved_points import moved_points
from vggt_ros.mapping.layers.removed_points import RemovedPoints
from vggt_ros.mapping.layers.submap_changes import SubmapChanges
from vggt_ros.mapping.layers.voxel_cells import (
    CELL,
    cells_of,
    joined,
    keys_of,
    MAX_SUPPORT,
    merged,
)

# Evicting a little more than needed spares every insertion of a full map from evicting again.
_KEEP_WHEN_FULL = 0.95
# Views through a voxel that count more than its insertions before it goes: what was there once
# goes after three of them, what stood there long after five.
_MIN_SUPPORT = -2
_MAX_REMOVED = 200_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapPoints:
    """The points of the map; N of them, in no particular order.

    Attributes:
        points_in_map: (N, 3) map units.
        colors: (N, 3) RGB.
        confidence: (N,) mean over the points in each voxel.
        hits: (N,) number of points that fell into each voxel; 0, as is the confidence, for a point
            that is not in the map any more, which only changes have.
    """

    points_in_map: Float32[np.ndarray, 'N 3']
    colors: UInt8[np.ndarray, 'N 3']
    confidence: Float32[np.ndarray, ' N']
    hits: Int64[np.ndarray, ' N']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voxels:
    """What is stored of N voxels, those that were seen longest ago first.

    Attributes:
        means: (N, 6) of points x y z, map units, and of colors R G B.
        weights: (N,) sums of the confidence that the means were taken with.
        hits: (N,) numbers of points.
        submap_ids: (N,) the submap that each moves with.
    """

    means: Float32[np.ndarray, 'N 6']
    weights: Float64[np.ndarray, ' N']
    hits: Int64[np.ndarray, ' N']
    submap_ids: Int64[np.ndarray, ' N']

    def corrected(self, correction: Correction) -> Voxels:
        """Return the same where their submaps have gone."""
        means = self.means.copy()
        means[:, :3], _ = moved_points(means[:, :3], self.submap_ids, correction)
        return replace(self, means=means)


class VoxelMap:
    """Means of points, colors and confidence by voxel.

    Voxels live in columns that grow to the bound; sorted keys beside them say which voxel is
    where. Not thread-safe.

    Attributes:
        changes: Which submaps' voxels changed when, by `tick`.
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
        self._cells = np.zeros(0, dtype=CELL)
        self._free = np.zeros(0, dtype=np.int64)
        self._removed = RemovedPoints(_MAX_REMOVED)
        self.changes = SubmapChanges()
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
        self._cells, self._free = np.zeros(0, CELL), np.zeros(0, np.int64)
        self._removed.clear()
        self.changes.clear()
        self._tick += 1

    def insert(
        self,
        points_in_map: Float32[np.ndarray, 'n 3'],
        colors: UInt8[np.ndarray, 'n 3'],
        confidence: Float32[np.ndarray, ' n'],
        submap_id: int = 0,
    ) -> None:
        """Add points that were seen together; the voxels seen longest ago make room for them.

        Args:
            points_in_map: (n, 3) map units. Points that are not finite, or a million voxels
                from the origin, are left out.
            colors: (n, 3) RGB.
            confidence: (n,) positive; the weights of the means.
            submap_id: The submap that new voxels move with when the map is corrected.
        """
        self._tick += 1
        keys, cells = cells_of(points_in_map, colors, confidence, self._voxel_size)
        cells['seen'], cells['submap'], cells['support'] = self._tick, submap_id, 1
        place = np.searchsorted(self._keys, keys)
        known = np.zeros(len(keys), dtype=bool)
        within = place < len(self._keys)
        known[within] = self._keys[place[within]] == keys[within]
        slots = self._slots[place[known]]
        self.changes.note(np.append(self._cells['submap'][slots], submap_id), self._tick)
        self._cells[slots] = merged(self._cells[slots], cells[known])
        self._add(keys[~known], cells[~known])

    @property
    def voxel_size(self) -> float:
        """Edge of a voxel, map units."""
        return self._voxel_size

    @property
    def tick(self) -> int:
        """Number of insertions and moves so far, for `points`."""
        return self._tick

    def correct(self, correction: Correction) -> None:
        """Move the voxels with their submaps; those that meet become one.

        Views through those that move are void: the cameras may have moved otherwise.
        """
        if not len(self):
            return
        self._tick += 1
        cells = self._cells[self._slots]
        cells['xyz'], moving = moved_points(cells['xyz'], cells['submap'], correction)
        cells['seen'][moving] = self._tick
        cells['support'][moving] = np.maximum(cells['support'][moving], 0)
        self._rebuild(cells)

    def reassign(self, hubs: Mapping[int, int]) -> None:
        """Let voxels of submaps that left move with others from now on; `hubs` says with which."""
        submaps = self._cells['submap']
        slots = np.flatnonzero(np.isin(submaps, list(hubs)))
        submaps[slots] = [hubs[each] for each in submaps[slots].tolist()]
        self._tick += 1
        self.changes.forget(hubs)
        self.changes.note(submaps[slots], self._tick)

    def keep_within(self, center: Float[np.ndarray, ' 3'], radius: float) -> None:
        """Forget the voxels farther from a point in the map than a radius, map units."""
        cells = self._cells[self._slots]
        distance = np.linalg.norm(cells['xyz'] - center.astype(np.float32), axis=1)
        if (distance > radius).any():
            self.changes.note(cells['submap'][distance > radius], self._tick)
            self._rebuild(cells[distance <= radius])

    def points(self, since: int = 0) -> MapPoints:
        """Return a copy of all points, or of those that changed after a tick.

        Changes have the voxels that were seen through, too: without hits and confidence.
        """
        cells = self._cells[self._slots]
        if since:
            cells = np.concatenate([cells[cells['seen'] > since], self._gone(since)])
        return MapPoints(
            points_in_map=np.ascontiguousarray(cells['xyz']),
            colors=np.rint(cells['rgb']).astype(np.uint8),
            confidence=(cells['weight'] / np.maximum(cells['hits'], 1)).astype(np.float32),
            hits=np.ascontiguousarray(cells['hits']),
        )

    def voxels(self, only: Collection[int] | None = None) -> Voxels:
        """Return a copy of all there is, to be stored, or of what some submaps have."""
        slots = self._slots
        if only is not None:
            slots = slots[np.isin(self._cells['submap'][slots], list(only))]
        cells = self._cells[slots]
        cells = cells[np.argsort(cells['seen'], kind='stable')]
        return Voxels(
            means=np.concatenate([cells['xyz'], cells['rgb']], axis=1),
            weights=np.ascontiguousarray(cells['weight']),
            hits=np.ascontiguousarray(cells['hits']),
            submap_ids=cells['submap'].astype(np.int64),
        )

    def absorb(self, stored: Voxels) -> None:
        """Add voxels as they were stored, for older ones than those that are there."""
        self._tick += 1
        self.changes.note(stored.submap_ids, self._tick)
        cells = np.zeros(len(stored.hits), dtype=CELL)
        cells['xyz'], cells['rgb'] = stored.means[:, :3], stored.means[:, 3:]
        cells['weight'], cells['hits'] = stored.weights, stored.hits
        cells['submap'], cells['seen'] = stored.submap_ids, self._tick
        cells['support'] = MAX_SUPPORT
        own = self._cells[self._slots]
        own['seen'] = self._tick
        self._rebuild(np.concatenate([cells, own]))
        if len(self) > self._max_points:
            self._tick += 1
            self._evict(len(self) - self._max_points)

    def in_columns(
        self,
        i: Int64[np.ndarray, ' c'],
        first: Int64[np.ndarray, ' c'],
        last: Int64[np.ndarray, ' c'],
    ) -> Int64[np.ndarray, ' n']:
        """Return positions of the voxels in some upright slices of the map, for `points_at`.

        Args:
            i: (c,) x of each slice in voxels.
            first: (c,) where it begins along y, in voxels.
            last: (c,) the last voxel along y.
        """
        half = grid_keys.HALF
        i, first, last = (np.clip(each, -half, half - 2) for each in (i, first, last))
        lowest = np.full(len(i), -half)
        begin = np.searchsorted(self._keys, grid_keys.keys_of(i, first, lowest))
        count = np.searchsorted(self._keys, grid_keys.keys_of(i, last + 1, lowest)) - begin
        begin, count = begin[count > 0], count[count > 0]
        ends = np.cumsum(count)
        return np.arange(count.sum()) + np.repeat(begin - ends + count, count)

    def points_at(self, positions: Int64[np.ndarray, ' n']) -> Float32[np.ndarray, 'n 3']:
        """Return the points in these voxels, map units."""
        return self._cells['xyz'][self._slots[positions]]

    def submaps_at(
        self, positions: Int64[np.ndarray, ' n']
    ) -> tuple[Int32[np.ndarray, ' n'], Bool[np.ndarray, ' n']]:
        """Return the submaps of these voxels, and whether the last insertion did not see them."""
        slots = self._slots[positions]
        return self._cells['submap'][slots], self._cells['seen'][slots] < self._tick

    def see_through(self, positions: Int64[np.ndarray, ' n']) -> int:
        """Count one view through voxels; those with too few insertions beside it go.

        Args:
            positions: (n,) all different, of now: a removal makes others void.

        Returns:
            How many voxels went.
        """
        slots = self._slots[positions]
        self._cells['support'][slots] -= 1
        is_over = self._cells['support'][slots] <= _MIN_SUPPORT
        gone = positions[is_over]
        if len(gone):
            self._removed.add(self._keys[gone], self._cells['xyz'][slots[is_over]], self._tick)
            self._drop(gone)
        return len(gone)

    def _rebuild(self, cells: np.ndarray) -> None:
        """Start again with these cells; those in one voxel become one."""
        keys, known = keys_of(cells['xyz'], self._voxel_size)
        order = np.argsort(keys, kind='stable')
        cells = cells[known][order]
        self._keys, first = np.unique(keys[order], return_index=True)
        self._cells = joined(cells, first) if len(first) < len(cells) else cells
        self._slots, self._free = np.arange(len(self._keys)), np.zeros(0, dtype=np.int64)

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
            grown = np.zeros(capacity, dtype=CELL)
            grown[:used] = self._cells[:used]
            self._cells = grown
        return np.concatenate([slots, np.arange(used, used + missing)])

    def _evict(self, num: int) -> None:
        """Remove the `num` voxels seen longest ago, but none that this insertion saw."""
        seen = self._cells['seen'][self._slots]
        gone = np.zeros(len(seen), dtype=bool)
        gone[np.argsort(seen, kind='stable')[:num]] = True
        gone &= seen < self._tick
        self._drop(np.flatnonzero(gone))

    def _drop(self, positions: Int64[np.ndarray, ' n']) -> None:
        self.changes.note(self._cells['submap'][self._slots[positions]], self._tick)
        self._free = np.concatenate([self._free, self._slots[positions]])
        self._keys = np.delete(self._keys, positions)
        self._slots = np.delete(self._slots, positions)

    def _gone(self, since: int) -> np.ndarray:
        """Return cells without hits where there was one and is none any more."""
        keys, points_in_map = self._removed.since(since)
        is_gone = ~np.isin(keys, self._keys)
        cells = np.zeros(int(is_gone.sum()), dtype=CELL)
        cells['xyz'] = points_in_map[is_gone]
        return cells
