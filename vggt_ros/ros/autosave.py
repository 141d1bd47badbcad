"""Autosave: the map saved now and then, beside everything else."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time

from vggt_ros.errors import SaveError
from vggt_ros.mapping.map_store import MapStore
from vggt_ros.settings.live_config import LiveConfig


class Autosave:
    """Saves in a thread of its own, one at a time, when `map.autosave_period` is over."""

    def __init__(
        self, store: MapStore, config: LiveConfig, on_error: Callable[[str], object]
    ) -> None:
        """Begin to wait for the first period.

        Args:
            store: Saves.
            config: The settings.
            on_error: Told why the map could not be saved; any thread calls.
        """
        self._store = store
        self._config = config
        self._on_error = on_error
        self._thread: threading.Thread | None = None
        self._began_s = time.monotonic()

    @property
    def is_on(self) -> bool:
        """Whether the map is saved by itself."""
        value = self._config.value
        return value.map.autosave_period > 0 and value.mode == 'mapping'

    def check(self) -> None:
        """Begin to save if it is time; quick, call it often."""
        period_s = self._config.value.map.autosave_period
        if not self.is_on or time.monotonic() - self._began_s < period_s:
            return
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def finish(self, timeout_s: float) -> None:
        """Save a last time, if the map is saved by itself; wait for it no longer than this."""
        deadline_s = time.monotonic() + timeout_s
        for _ in range(2):
            if self._thread is not None:
                self._thread.join(max(0.0, deadline_s - time.monotonic()))
                if self._thread.is_alive():
                    return
                self._thread = None
            elif self.is_on:
                self._start()

    def _start(self) -> None:
        self._began_s = time.monotonic()
        self._thread = threading.Thread(target=self._save, name='vggt-autosave', daemon=True)
        self._thread.start()

    def _save(self) -> None:
        try:
            self._store.autosave()
        except SaveError as error:
            self._on_error(str(error))
