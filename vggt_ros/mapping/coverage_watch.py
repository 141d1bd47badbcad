"""Coverage watch: the newest estimate of coverage, measured when there is time for it."""

from __future__ import annotations

import time

from vggt_ros.mapping.layers.coverage import Coverage
from vggt_ros.mapping.map_reading import MapReading
from vggt_ros.settings.live_config import LiveConfig

_PERIOD_S = 5.0
# Of the time between, so that a grid of any size costs little.
_MAX_SHARE = 0.05


class CoverageWatch:
    """Measures now and then how much of the floor was seen.

    Attributes:
        newest: The newest estimate; None before it, without an occupancy grid, and after a reset.
    """

    def __init__(self, current: MapReading, config: LiveConfig) -> None:
        """Know nothing yet.

        Args:
            current: The map.
            config: The settings.
        """
        self.newest: Coverage | None = None
        self._map = current
        self._config = config
        self._next_s = float('-inf')

    def update(self) -> None:
        """Measure if it is time to; call after every window, from one thread."""
        settings = self._config.value.occupancy
        start_s = time.monotonic()
        if not settings.enable or start_s < self._next_s:
            return
        self.newest = self._map.coverage(settings.robot_width)
        end_s = time.monotonic()
        self._next_s = end_s + max(_PERIOD_S, (end_s - start_s) / _MAX_SHARE)

    def clear(self) -> None:
        """Forget it, and measure with the next window."""
        self.newest = None
        self._next_s = float('-inf')
