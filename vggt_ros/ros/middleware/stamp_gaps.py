"""Gaps in the stamps of a stream: images that were taken and never came."""

from __future__ import annotations

from collections import deque

import numpy as np

_KEPT = 32
_LEAST = 12
# Where many images are missing the median step is several periods; the lower quartile is one
# for as long as a quarter of the images follow each other.
_QUANTILE = 0.25
# Steps that are no multiples of a period come from a stream that has none.
# Chance gives a mean of a quarter.
_MAX_OFF = 0.17
# A longer gap is a pause of the camera.
_MAX_PERIODS = 20.0


class StampGaps:
    """Counts what is missing between the stamps of the messages that come.

    Attributes:
        num_missing: Messages that should have been between those that came.
    """

    def __init__(self) -> None:
        self.num_missing = 0
        self._last_ns: int | None = None
        self._steps_ns: deque[int] = deque(maxlen=_KEPT)

    def add(self, stamp_ns: int) -> None:
        """Take the stamp of the next message."""
        last_ns, self._last_ns = self._last_ns, stamp_ns
        if last_ns is None:
            return
        step_ns = stamp_ns - last_ns
        if step_ns <= 0:  # repeated or out of order; time may have jumped
            if step_ns < -sum(self._steps_ns):
                self._steps_ns.clear()
            return
        self._steps_ns.append(step_ns)
        period_ns = self.period_ns
        if period_ns is not None and step_ns < _MAX_PERIODS * period_ns:
            self.num_missing += round(step_ns / period_ns) - 1

    @property
    def period_ns(self) -> float | None:
        """Time between two messages, None if that is not known or uneven."""
        if len(self._steps_ns) < _LEAST:
            return None
        steps_ns = np.array(self._steps_ns, dtype=np.float64)
        periods = steps_ns / np.quantile(steps_ns, _QUANTILE, method='inverted_cdf')
        if np.abs(periods - np.rint(periods)).mean() > _MAX_OFF:
            return None
        return float(np.median(steps_ns[np.rint(periods) == 1]))
