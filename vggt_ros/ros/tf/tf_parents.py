"""TF parents: who else gives a frame a parent. TF allows one, and does not tell of a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import threading
import time

# A parent that was not named for so long has gone; a static one stays.
_FORGET_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedParent:
    """A parent that another node gives a frame.

    Attributes:
        frame: The parent.
        is_static: Whether for all times.
        sender: What the middleware calls the publisher; empty if it does not say.
        at_s: When it was named last, monotonic seconds; infinite for a static one.
    """

    frame: str
    is_static: bool
    sender: bytes
    at_s: float


class TfParents:
    """Remembers the parents that others give each frame; any thread may ask."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Know no parent; measure time by `clock`, seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._named: dict[str, dict[str, NamedParent]] = {}

    def note(self, child: str, parent: str, *, is_static: bool, sender: bytes = b'') -> None:
        """Remember that another node sent a transform, whether it can be used or not."""
        at_s = float('inf') if is_static else self._clock()
        with self._lock:
            parents = self._named.setdefault(child, {})
            known = parents.get(parent)
            if known is None or not known.is_static:
                parents[parent] = NamedParent(
                    frame=parent, is_static=is_static, sender=sender, at_s=at_s
                )

    def parent_of(self, child: str) -> NamedParent | None:
        """Return a parent that others give a frame, None if they give it none."""
        with self._lock:
            return next(iter(self._parents(child)), None)

    def is_below(self, child: str, ancestor: str) -> bool:
        """Return whether a frame is a descendant of another, as its senders say."""
        with self._lock:
            return bool(self._path(child, ancestor, is_past=False))

    def path(self, child: str, ancestor: str) -> list[tuple[str, str]]:
        """Return the edges, parent and child, from a frame up to an ancestor; empty for none.

        Edges that are not sent any more are among them, where there are no others.
        """
        with self._lock:
            found = self._path(child, ancestor, is_past=False)
            return found or self._path(child, ancestor, is_past=True)

    def _path(self, child: str, ancestor: str, *, is_past: bool) -> list[tuple[str, str]]:
        waiting, known = [child], {child}
        below: dict[str, str] = {}
        while waiting:
            frame = waiting.pop()
            for parent in self._parents(frame, is_past=is_past):
                if parent.frame in known:
                    continue
                known.add(parent.frame)
                below[parent.frame] = frame
                waiting.append(parent.frame)
        edges = []
        frame = ancestor
        while frame in below:
            edges.append((frame, below[frame]))
            frame = below[frame]
        return edges[::-1]

    def _parents(self, child: str, *, is_past: bool = False) -> list[NamedParent]:
        now_s = self._clock()
        named = self._named.get(child, {}).values()
        return [each for each in named if is_past or now_s - each.at_s < _FORGET_S]
