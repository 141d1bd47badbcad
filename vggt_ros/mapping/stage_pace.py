"""Stage pace: lets the network take its next window while the last one still enters the map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import threading
import time

# Windows over which the time of a stage is averaged, about.
_MEMORY = 5
# The network begins a little early: the map must not wait for it.
_MARGIN = 1.2


class StagePace:
    """Lets the network work beside the map, and no earlier than that helps.

    A window that waits for the map gets old; one that is taken later spans newer frames. So the
    network begins when the map is expected to need as long as the network. Any thread may call.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start idle, with nothing known of the stages.

        Args:
            clock: Seconds, monotonic.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._predict_s = self._add_s = 0.0
        self._num_at_work = 0
        self._add_since_s: float | None = None

    def is_due(self) -> bool:
        """Return whether the network should take a window now."""
        with self._lock:
            if self._num_at_work == 0:
                return True
            if self._num_at_work > 1 or self._add_since_s is None:
                return False
            left_s = self._add_since_s + self._add_s - self._clock()
            return left_s <= _MARGIN * self._predict_s

    @contextmanager
    def predicting(self) -> Iterator[None]:
        """Around the network's work; `adding` must follow."""
        with self._lock:
            self._num_at_work += 1
        start_s = self._clock()
        yield
        with self._lock:
            self._predict_s += (self._clock() - start_s - self._predict_s) / _MEMORY

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Around the map's work at a window that was predicted."""
        with self._lock:
            start_s = self._add_since_s = self._clock()
        try:
            yield
        finally:
            with self._lock:
                self._add_s += (self._clock() - start_s - self._add_s) / _MEMORY
                self._add_since_s = None
                self._num_at_work -= 1
