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
        with self._lock:
            return next((name for name in self._parents(child) if name != parent), None)

    def is_below(self, child: str, ancestor: str) -> bool:
        """Return whether a frame is a descendant of another, as its senders say."""
        with self._lock:
            waiting, known = [child], {child}
            while waiting:
                found = set(self._parents(waiting.pop())) - known
                if ancestor in found:
                    return True
                known |= found
                waiting += found
        return False

    def _parents(self, child: str) -> list[str]:
        now_s = self._clock()
        seen_s = self._seen_s.get(child, {})
        return [name for name, at_s in seen_s.items() if now_s - at_s < _FORGET_S]
