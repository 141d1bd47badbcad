"""Submap changes: when the voxels of each submap changed, other than by moving with it."""

from __future__ import annotations

from collections.abc import Iterable

from jaxtyping import Int
import numpy as np


class SubmapChanges:
    """The newest tick of each submap; a correction of the map is no change here.

    As large as the number of submaps that had voxels and were not forgotten.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._ticks: dict[int, int] = {}

    def clear(self) -> None:
        """Forget all submaps."""
        self._ticks.clear()

    def note(self, submap_ids: Int[np.ndarray, ' n'], tick: int) -> None:
        """Take note that voxels of these submaps came, changed or went."""
        self._ticks.update(dict.fromkeys(np.unique(submap_ids).tolist(), tick))

    def note_all(self, tick: int) -> None:
        """Take note that all changed, as when the unit of the map did: it is that of submaps."""
        self._ticks = dict.fromkeys(self._ticks, tick)

    def forget(self, submap_ids: Iterable[int]) -> None:
        """Forget submaps that have no voxels any more."""
        for each in submap_ids:
            self._ticks.pop(each, None)

    def since(self, tick: int) -> list[int]:
        """Return the submaps that changed after a tick, ascending."""
        return sorted(each for each, changed in self._ticks.items() if changed > tick)
