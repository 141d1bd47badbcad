"""Errors of callbacks: they are logged and counted, and the node goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
import inspect
import time
import traceback
from typing import Any

from vggt_ros.errors import VggtRosError
from vggt_ros.ros.middleware.log_text import safe_line
from vggt_ros.ros.middleware.throttled_log import ThrottledLog

# So long an error is the state of the node.
_RECENT_S = 10.0
# Once said with its traceback, an error is said again in a line, now and then.
_REMINDER_S = 30.0
_MAX_KINDS = 100


class CallbackErrors:
    """What timers, subscriptions and services raised; any thread may call.

    rclpy ends the process for it, so that one odd message would end the mapping. A programming
    error stays visible: with its traceback in the log, once for each place that raised it, and as
    an error on /diagnostics.

    Attributes:
        number: How many there were.
    """

    def __init__(
        self, write: Callable[[str], object], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Know of none.

        Args:
            write: Takes what is to be logged, a line or several.
            clock: Monotonic time, seconds.
        """
        self.number = 0
        self._write = write
        self._clock = clock
        self._reminders = ThrottledLog(write, period_s=_REMINDER_S, clock=clock)
        self._kinds: set[str] = set()
        self._newest = ''
        self._at_s = float('-inf')

    @property
    def recent(self) -> str:
        """What the newest error of the last seconds was; empty if there was none."""
        return self._newest if self._clock() - self._at_s < _RECENT_S else ''

    def note(self, error: Exception) -> None:
        """Take note of what a callback raised."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f'{frames[-1].filename}:{frames[-1].lineno}' if frames else 'nowhere'
        kind = f'{type(error).__name__} at {place}'
        self.number += 1
        self._at_s = self._clock()
        text = str(error) if isinstance(error, VggtRosError) else repr(error)
        self._newest = safe_line(f'a callback failed and was left out: {text}')
        if kind in self._kinds or len(self._kinds) >= _MAX_KINDS:
            self._reminders.log(kind, self._newest)
            return
        self._kinds.add(kind)
        self._write('\n'.join([self._newest, *_lines(error)]))

    def answering(self, service: Callable[..., Any]) -> Callable[..., Any]:
        """Return a service's callback that answers in any case: who calls does not wait for ever.

        Args:
            service: Takes request and response and returns the response, which has `success` and
                `message`; may be a coroutine.
        """

        def refuse(error: Exception, response: Any) -> Any:
            self.note(error)
            response.success = False
            response.message = safe_line(f'internal error, see the log of the node: {error!r}')
            return response

        if inspect.iscoroutinefunction(service):

            @wraps(service)
            async def answer_later(request: Any, response: Any) -> Any:
                try:
                    return await service(request, response)
                except Exception as error:  # noqa: BLE001 - outermost frame of a service
                    return refuse(error, response)

            return answer_later

        @wraps(service)
        def answer(request: Any, response: Any) -> Any:
            try:
                return service(request, response)
            except Exception as error:  # noqa: BLE001 - outermost frame of a service
                return refuse(error, response)

        return answer


def _lines(error: Exception) -> list[str]:
    """Return a traceback in lines of which none was made up by who sent a message."""
    lines = []
    for entry in traceback.format_exception(error):
        is_of_code = entry.startswith('  ')
        lines += entry.splitlines() if is_of_code else [entry.strip()]
    return [safe_line(each) for each in lines]
