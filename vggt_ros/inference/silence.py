"""Work that is given up when nothing is heard of it: a download from a server that hangs."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time
from typing import Generic, TypeVar

T = TypeVar('T')

_POLL_S = 0.25


class SilenceError(Exception):
    """Nothing was heard for too long."""


class _Work(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.results: list[T] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.results.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self.error = error


def unless_silent(work: Callable[[], T], progress: Callable[[], object], silence_s: float) -> T:
    """Return what work returns, or raise what it raises.

    Args:
        work: Called once, in a thread of its own; left behind there if it is given up.
        progress: Asked now and then; whenever the answer changes something was heard.
        silence_s: Seconds without a change after which the work is given up; 0 never gives up.

    Raises:
        SilenceError: It was given up.
    """
    if not silence_s:
        return work()
    started = _Work(work)
    thread = threading.Thread(target=started.run, name='vggt-download', daemon=True)
    thread.start()
    heard, heard_s = progress(), time.monotonic()
    while thread.is_alive():
        thread.join(_POLL_S)
        now_s, latest = time.monotonic(), progress()
        if latest != heard:
            heard, heard_s = latest, now_s
        elif thread.is_alive() and now_s - heard_s > silence_s:
            raise SilenceError(f'nothing was heard for {now_s - heard_s:.0f} s')
    if started.error is not None:
        raise started.error
    return started.results[0]
