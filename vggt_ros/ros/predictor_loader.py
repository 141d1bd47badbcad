"""Loads the weights without standing in the way of the node."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time

from vggt_ros.inference.backbone import Backbone
from vggt_ros.inference.backbones import load_backbone
from vggt_ros.ros.middleware.log_text import one_line
from vggt_ros.settings.config import ModelSettings

_POLL_S = 0.1
_PROGRESS_PERIOD_S = 5.0
# Weights on the disk are there within this time, on most machines.
_LONG_S = 10.0


class PredictorLoader:
    """Loads one predictor in a thread of its own; a failure is kept for whoever asks."""

    def __init__(self, settings: ModelSettings, log: Callable[[str], object]) -> None:
        """Start loading.

        Args:
            settings: What to load, and where to.
            log: Takes a line of progress now and then, from the thread that waits.
        """
        self._settings = settings
        self._log = log
        self._started_s = time.monotonic()
        self._logged_s = self._started_s
        self._predictor: Backbone | None = None
        self._error: BaseException | None = None
        # A daemon: a download that hangs must not keep the process alive.
        self._thread = threading.Thread(target=self._load, name='vggt-loader', daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether `result` returns or raises at once."""
        return not self._thread.is_alive()

    @property
    def delay(self) -> str:
        """That it takes long, and what to think of it; empty if it does not."""
        elapsed_s = time.monotonic() - self._started_s
        if self.is_done or elapsed_s < _LONG_S:
            return ''
        return (
            f'still loading {one_line(self._settings.checkpoint)} after {elapsed_s:.0f} s; if '
            f'nothing comes from the hub for {self._settings.hub_timeout:g} s (model.hub_timeout) '
            f'it is given up'
        )

    def report(self) -> None:
        """Log that loading still goes on, if it was not said a moment ago."""
        now_s = time.monotonic()
        if not self.is_done and now_s - self._logged_s >= _PROGRESS_PERIOD_S:
            self._logged_s = now_s
            elapsed_s = now_s - self._started_s
            self._log(f'still loading {self._settings.checkpoint} after {elapsed_s:.0f} s')

    def result(self, may_wait: Callable[[], bool]) -> Backbone | None:
        """Wait for the predictor.

        Args:
            may_wait: Asked again and again; False ends the waiting.

        Returns:
            The predictor; None if the waiting was ended.

        Raises:
            VggtRosError: The weights cannot be had or the device is not there.
        """
        while not self.is_done:
            if not may_wait():
                return None
            self._thread.join(_POLL_S)
            self.report()
        if self._error is not None:
            raise self._error
        return self._predictor

    def _load(self) -> None:
        try:
            self._predictor = load_backbone(self._settings)
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error
