"""Scene depth: how far away things usually are in the map."""

from __future__ import annotations

from collections import deque

from jaxtyping import Float32
import numpy as np

# Windows that tell it: ten minutes and more.
_MAX_WINDOWS = 1000


class SceneDepth:
    """Median depth of the newest windows, map units.

    Windows that nothing connects to the map are taken to see things as far away as all windows
    before usually did. The last one alone would not do: a robot that is always lost in front of
    a wall would make the unit of the map smaller with every segment.
    """

    def __init__(self) -> None:
        self._medians: deque[float] = deque(maxlen=_MAX_WINDOWS)

    def clear(self) -> None:
        """Forget all windows."""
        self._medians.clear()

    def add(self, depth: Float32[np.ndarray, 'S H W']) -> None:
        """Take in a window.

        Args:
            depth: (S, H, W) map units, NaN where there is none.
        """
        self._medians.append(float(np.nanmedian(depth)))

    def restore(self, usual: float) -> None:
        """Begin with what windows of an earlier session usually saw.

        Args:
            usual: Map units, NaN if not known.
        """
        if np.isfinite(usual):
            self._medians.append(usual)

    def rescale(self, scale: float) -> None:
        """Follow the map to another unit.

        Args:
            scale: New map units per old one.
        """
        self._medians = deque((scale * each for each in self._medians), maxlen=_MAX_WINDOWS)

    @property
    def usual(self) -> float:
        """Median over the windows, map units; NaN before the first."""
        return float(np.median(self._medians)) if self._medians else float('nan')

    @property
    def newest_ratio(self) -> float:
        """Depth of the newest window over the usual one; NaN before the first."""
        return self._medians[-1] / self.usual if self._medians else float('nan')
