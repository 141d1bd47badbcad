"""Two background threads that turn windows into map updates."""

from __future__ import annotations

from collections.abc import Callable
import logging
from queue import Empty, SimpleQueue
import threading
import time

from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.map_update import MapUpdate
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import PredictedWindow, Wanted
from vggt_ros.mapping.stage_pace import StagePace

# How long `stop` may wait for a thread that has nothing to do, and how often one looks whether the
# other has come so far.
_POLL_S, _PACE_S = 0.1, 0.01
_log = logging.getLogger(__name__)


class Worker:
    """Runs the mapper's windows, one after the other, until it is stopped.

    Keeps the work out of the ROS executor. One thread runs the network, the other one refines
    windows and adds them to the map, where the callbacks run, too: while a window enters the map
    the network works on the next one. What refinement can do without the network's answer it does
    while the network works.
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
            wanted: Asked before every window what anybody needs of it, in the network's thread.
            on_update: Gets what each window brought.
            on_error: Gets what a window failed of, or what `wanted` or `on_update` raised.
        """
        self._mapper = mapper
        self._wanted = wanted
        self._on_update = on_update
        self._on_error = on_error
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._for_map: SimpleQueue[Window | PredictedWindow | Exception] = SimpleQueue()
        self._pace = StagePace()
        # Since when each stage has had a window in hand, by its name.
        self._busy_since_s: dict[str, float] = {}

    @property
    def busy_s(self) -> float:
        """How long a window has been in hand of one of the stages, seconds; 0 without one."""
        now_s = time.monotonic()
        return max((now_s - since_s for since_s in [*self._busy_since_s.values()]), default=0.0)

    @property
    def is_running(self) -> bool:
        """True between `start` and `stop`."""
        return bool(self._threads)

    def start(self) -> None:
        """Start the threads, if they are not running."""
        if self._threads:
            return
        self._stopping.clear()
        network = threading.Thread(target=self._run_network, name='vggt-network', daemon=True)
        adding = threading.Thread(
            target=self._run_map, args=(network,), name='vggt-map', daemon=True
        )
        self._threads = [network, adding]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float | None = None) -> bool:
        """Finish the windows in hand and end the threads; `start` may follow.

        Args:
            timeout_s: Wait no longer; None for as long as it takes.

        Returns:
            False if a thread is still at work: nothing can interrupt the network. The threads
            end after that window, and `stop` may be called again.
        """
        self._stopping.set()
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(None if deadline_s is None else max(0.0, deadline_s - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            return False
        self._threads = []
        return True

    def _run_network(self) -> None:
        while not self._stopping.is_set():
            try:
                self._predict_next()
            except Exception as error:  # noqa: BLE001 - outermost frame of the thread
                self._for_map.put(error)

    def _predict_next(self) -> None:
        if not self._pace.is_due():
            self._mapper.wait_for_window(_PACE_S, may_take=False)
            return
        wanted = self._wanted()  # before there is a window that an error here would lose
        window = self._mapper.wait_for_window(_POLL_S)
        if window is None:
            return
        self._for_map.put(window)
        self._busy_since_s['network'] = time.monotonic()
        try:
            with self._pace.predicting():
                predicted = self._mapper.predict(window, wanted)
        finally:
            del self._busy_since_s['network']
        self._for_map.put(predicted)

    def _run_map(self, network: threading.Thread) -> None:
        # What the network has answered is not lost when it is told to stop.
        while network.is_alive() or not self._for_map.empty():
            try:
                self._add_next()
            except Exception as error:  # noqa: BLE001 - outermost frame of the thread
                _log.exception('a window failed; the worker goes on with the next one')
                self._report(error)

    def _add_next(self) -> None:
        try:
            work = self._for_map.get(timeout=_POLL_S)
        except Empty:
            return
        if isinstance(work, Exception):
            raise work
        if isinstance(work, Window):
            self._mapper.prepare(work.new_frames)
            return
        self._busy_since_s['map'] = time.monotonic()
        try:
            with self._pace.adding():
                update = self._mapper.add(work)
        finally:
            del self._busy_since_s['map']
        if update is not None:
            self._on_update(update)

    def _report(self, error: Exception) -> None:
        try:
            self._on_error(error)
        except Exception:  # noqa: BLE001 - outermost frame of the thread
            _log.exception('reporting an error failed; the worker goes on')
