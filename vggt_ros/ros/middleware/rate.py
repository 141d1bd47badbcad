"""Event rate: how often something happens, from a count that only grows."""

from __future__ import annotations

from collections import deque

_SPAN_S = 10.0


class Rate:
    """Events a second over the last ten seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def update(self, now_s: float, count: int) -> float:
        """Take the count at a time; return events a second, 0 before the second call.

        Args:
            now_s: Monotonic time, seconds.
            count: Events since the start.
        """
        self._samples.append((now_s, count))
        while len(self._samples) > 2 and now_s - self._samples[1][0] >= _SPAN_S:
            self._samples.popleft()
        first_s, first_count = self._samples[0]
        elapsed_s = now_s - first_s
        return (count - first_count) / elapsed_s if elapsed_s > 0.0 else 0.0
