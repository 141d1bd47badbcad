"""Who says that a frame is its child: TF allows one parent, and tells nobody about a second."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time

# A parent that was not named for so long has gone; a static one stays.
_FORGET_S = 5.0


class TfParents:
    """Remembers the parents of every frame; any thread may ask."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nobody; measure time by `clock`, seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._seen_s: dict[str, dict[str, float]] = {}

    def note(self, child: str, parent: str, *, is_static: bool) -> None:
        """Remember that somebody sent a transform, whether it can be used or not."""
        seen_s = float('inf') if is_static else self._clock()
        with self._lock:
            parents = self._seen_s.setdefault(child, {})
            parents[parent] = max(seen_s, parents.get(parent, seen_s))

    def other_parent(self, child: str, parent: str) -> str | None:
        """Return a parent of a frame beside the one given, None if there is none.

        Args:
            child: The frame.
            parent: Who may be its parent.
        """
        now_s = self._clock()
        with self._lock:
            for name, seen_s in self._seen_s.get(child, {}).items():
                if name != parent and now_s - seen_s < _FORGET_S:
                    return name
        return None
