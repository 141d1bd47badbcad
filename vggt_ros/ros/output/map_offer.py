"""Map offer: the map's topics, published when changed, at a limited rate, to subscribers only."""

from __future__ import annotations

import threading
import time

from vggt_ros.mapping.map_state import MapState
from vggt_ros.ros.output.publishers import Publishers
from vggt_ros.ros.output.submap_offer import SubmapOffer
from vggt_ros.settings.live_config import LiveConfig


class MapOffer:
    """Publishes the map, its changes and the occupancy grid. Any thread may call any method."""

    def __init__(self, current: MapState, publishers: Publishers, config: LiveConfig) -> None:
        """Offer nothing yet."""
        self._map = current
        self._publishers = publishers
        self._config = config
        self._submaps = SubmapOffer(current, publishers)
        self._lock = threading.Lock()
        self._stamp_ns = 0
        self._has_news = self._has_changes = self._has_cells = self._has_moves = False
        self._sent_s = self._changes_sent_s = self._cells_sent_s = float('-inf')
        self._submaps_sent_s = float('-inf')
        self._changes_tick = 0

    def note(self, stamp_ns: int) -> None:
        """Take note that the map changed; its newest frame has this stamp."""
        with self._lock:
            self._stamp_ns = stamp_ns
            self._has_news = self._has_changes = self._config.value.map.enable
            self._has_cells = self._has_moves = True

    def note_reset(self) -> None:
        """Take note that the map is empty; that is shown without delay."""
        with self._lock:
            self._has_news = self._has_moves = True
            self._sent_s = self._submaps_sent_s = float('-inf')

    def offer(self) -> None:
        """Publish what is due.

        Called after every window, and now and then for who subscribes in between.
        """
        with self._lock:
            now_s = time.monotonic()
            period_s = 1.0 / self._config.value.map.publish_rate
            is_due = now_s - self._sent_s >= period_s
            if self._has_news and is_due and self._publishers.wants_map:
                self._has_news, self._sent_s = False, now_s
                points, _ = self._map.points()
                self._publishers.publish_map(self._stamp_ns, points)
            is_due = now_s - self._changes_sent_s >= period_s
            if self._has_changes and is_due and self._publishers.wants_map_update:
                self._has_changes, self._changes_sent_s = False, now_s
                points, self._changes_tick = self._map.points(self._changes_tick)
                self._publishers.publish_map_update(self._stamp_ns, points)
            is_due = now_s - self._submaps_sent_s >= period_s
            if is_due and self._submaps.offer(self._stamp_ns, has_news=self._has_moves):
                self._has_moves, self._submaps_sent_s = False, now_s
            is_due = now_s - self._cells_sent_s >= period_s
            has_cells = self._has_cells or self._publishers.owes_occupancy
            if has_cells and is_due and self._publishers.wants_occupancy:
                self._has_cells, self._cells_sent_s = False, now_s
                cells = self._map.occupancy()
                if cells is not None:
                    self._publishers.publish_occupancy(self._stamp_ns, cells)
