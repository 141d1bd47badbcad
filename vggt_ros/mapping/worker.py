"""One background thread that turns windows into map updates."""

from __future__ import annotations

from collections.abc import Callable
import logging
import threading
import time

from vggt_ros.mapping.map_builder import Wanted
from vggt_ros.mapping.map_update import MapUpdate
from vggt_ros.mapping.mapper import Mapper

# How long `stop` may wait for a thread that has nothing to do.
_POLL_S = 0.1
_log = logging.getLogger(__name__)


class Worker:
    """Runs the mapper's windows, one after the other, until it is stopped.

    Keeps the network out of the ROS executor. The callbacks run in the worker's thread.
    """

    def __init__(
        self,
        mapper: Mapper,
        *,
        wanted: Callable[[], Wanted],
        on_update: Callable[[MapUpdate], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        """Do not start yet.

        Args:
            mapper: Gives the windows and processes them.
            wanted: Asked before every window what anybody needs of it.
            on_update: Gets what each window brought.
            on_error: Gets what a window failed of, or what `wanted` or `on_update` raised.
        """
        self._mapper = mapper
        self._wanted = wanted
        self._on_update = on_update
        self._on_error = on_error
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._busy_since_s: float | None = None

    @property
    def busy_s(self) -> float:
        """How long the window in hand has been worked at, seconds; 0 without one."""
        since_s = self._busy_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    @property
    def is_running(self) -> bool:
        """True between `start` and `stop`."""
        return self._thread is not None

    def start(self) -> None:
        """Start the thread, if it is not running."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name='vggt-worker', daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float | None = None) -> bool:
        """Finish the window in hand and end the thread; `start` may follow.

        Args:
            timeout_s: Wait no longer; None for as long as it takes.

        Returns:
            False if the thread is still at work: nothing can interrupt the network. The thread
            ends after that window, and `stop` may be called again.
        """
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                return False
            self._thread = None
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._step()
            except Exception as error:  # noqa: BLE001 - outermost frame of the thread
                _log.exception('a window failed; the worker goes on with the next one')
                self._report(error)

    def _step(self) -> None:
        wanted = self._wanted()  # before there is a window that an error here would lose
        window = self._mapper.wait_for_window(_POLL_S)
        if window is None:
            return
        self._busy_since_s = time.monotonic()
        try:
            update = self._mapper.process(window, wanted)
        finally:
            self._busy_since_s = None
        if update is not None:
            self._on_update(update)

    def _report(self, error: Exception) -> None:
        try:
            self._on_error(error)
        except Exception:  # noqa: BLE001 - outermost frame of the thread
            _log.exception('reporting an error failed; the worker goes on')
