"""The memory that this process holds: how much, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
import ctypes
import os
from pathlib import Path
import time

_STATM = Path('/proc/self/statm')
_BYTES_PER_MB = 1e6
_PERIOD_S = 30.0


def resident_mb() -> float:
    """Return the resident memory of this process in MB, NaN where /proc does not say it."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        return float('nan')
    return pages * os.sysconf('SC_PAGE_SIZE') / _BYTES_PER_MB


def release_free() -> None:
    """Give memory that is free back to the system; 0.1 s, in which others may wait for memory.

    The allocator of glibc keeps what lies between things that are in use. With one window after
    the other, of many threads, that comes to more than all that is in use. Other allocators are
    left alone.
    """
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
    if trim is not None:
        trim(0)


class MemoryRelease:
    """Calls `release_free` now and then; one thread at a time."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to wait.

        Args:
            clock: Monotonic time, seconds.
        """
        self._clock = clock
        self._last_s = clock()

    def release(self) -> bool:
        """Give free memory back if that was not done in the last 30 s; return whether it was."""
        now_s = self._clock()
        if now_s - self._last_s < _PERIOD_S:
            return False
        self._last_s = now_s
        release_free()
        return True
