"""Transforms that this node sends: they come back to it, and must be told from those of others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
import threading
from typing import Any

# Ten seconds of the highest rate; what comes back later than that has been sent again.
_REMEMBERED = 1000

Signature = tuple[str, str, int, int, tuple[float, ...]]


class SentTransforms:
    """Remembers the newest transforms that were sent; any thread may call.

    Not every middleware says who has sent a message. Frames, stamp and all seven numbers do: they
    arrive bit by bit as they were sent, and no other node sends the same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._order: deque[Signature] = deque()
        self._sent: set[Signature] = set()

    def remember(self, messages: Iterable[Any]) -> None:
        """Remember transforms (TransformStamped); call before they are sent."""
        with self._lock:
            for message in messages:
                signature = _signature(message)
                if signature in self._sent:
                    continue
                self._sent.add(signature)
                self._order.append(signature)
                if len(self._order) > _REMEMBERED:
                    self._sent.remove(self._order.popleft())

    def __contains__(self, message: Any) -> bool:
        """Return whether a transform that came was sent by this node."""
        with self._lock:
            return _signature(message) in self._sent


def _signature(message: Any) -> Signature:
    t, q = message.transform.translation, message.transform.rotation
    stamp = message.header.stamp
    values = (t.x, t.y, t.z, q.x, q.y, q.z, q.w)
    return message.header.frame_id, message.child_frame_id, stamp.sec, stamp.nanosec, values
