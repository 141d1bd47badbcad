"""Errors that come with every frame, logged now and then."""

from __future__ import annotations

from collections.abc import Callable
import time

from vggt_ros.ros.middleware.log_text import safe_line

_PERIOD_S = 5.0


class ThrottledLog:
    """Passes on at most one message per reason and period, with the number that was held back.

    rclpy's own throttling counts per line of code, so that one reason would hide another. What
    strangers put into a message cannot break out of its line.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        period_s: float = _PERIOD_S,
        clock: Callable[[], float] = time.monotonic,
        is_one_line: bool = True,
    ) -> None:
        """Write through `write`, measure time by `clock`, seconds.

        Messages of more than one line come from us, and their lines are safe already.
        """
        self._is_one_line = is_one_line
        self._write = write
        self._period_s = period_s
        self._clock = clock
        self._last_s: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def log(self, reason: str, message: str) -> None:
        """Write the message unless the same reason was written a moment ago."""
        now_s = self._clock()
        last_s = self._last_s.get(reason)
        if last_s is not None and now_s - last_s < self._period_s:
            self._held_back[reason] = self._held_back.get(reason, 0) + 1
            return
        held_back = self._held_back.pop(reason, 0)
        self._last_s[reason] = now_s
        suffix = f' ({held_back} more like this since the last message)' if held_back else ''
        line = f'{reason}: {message}'
        self._write(f'{safe_line(line) if self._is_one_line else line}{suffix}')
