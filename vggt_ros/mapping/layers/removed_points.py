"""Removed points: what was taken out of the voxel map, for those who follow its changes."""

from __future__ import annotations

from jaxtyping import Float32, Int64
import numpy as np


class RemovedPoints:
    """The newest removals, by the tick of the map; 28 bytes each. Not thread-safe."""

    def __init__(self, max_points: int) -> None:
        """Start with none.

        Args:
            max_points: Removals kept; who asks later than that misses the oldest.
        """
        self._max_points = max_points
        self.clear()

    def __len__(self) -> int:
        return len(self._ticks)

    def clear(self) -> None:
        """Forget all of them."""
        self._keys: Int64[np.ndarray, ' n'] = np.zeros(0, dtype=np.int64)
        self._points: Float32[np.ndarray, 'n 3'] = np.zeros((0, 3), dtype=np.float32)
        self._ticks: Int64[np.ndarray, ' n'] = np.zeros(0, dtype=np.int64)

    def add(
        self,
        keys: Int64[np.ndarray, ' n'],
        points_in_map: Float32[np.ndarray, 'n 3'],
        tick: int,
    ) -> None:
        """Remember voxels that are not there any more.

        Args:
            keys: (n,) of the voxels.
            points_in_map: (n, 3) where the points in them were.
            tick: When, never less than before.
        """
        newest = slice(-self._max_points, None)
        self._keys = np.concatenate([self._keys, keys])[newest]
        self._points = np.concatenate([self._points, points_in_map])[newest]
        ticks = np.full(len(keys), tick, dtype=np.int64)
        self._ticks = np.concatenate([self._ticks, ticks])[newest]

    def since(self, tick: int) -> tuple[Int64[np.ndarray, ' n'], Float32[np.ndarray, 'n 3']]:
        """Return keys and points of what was removed after a tick, oldest first."""
        first = int(np.searchsorted(self._ticks, tick, side='right'))
        return self._keys[first:].copy(), self._points[first:].copy()
