"""Messages that come over two subscriptions at once, of which one is taken."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

_REMEMBERED = 512


class Duplicates:
    """Remembers over which subscription a message came first.

    What one subscription hears twice was sent twice, and is no duplicate.
    """

    def __init__(self) -> None:
        self._sources: OrderedDict[Hashable, Hashable] = OrderedDict()

    def is_duplicate(self, message: Hashable, source: Hashable) -> bool:
        """Return whether a message has come from another source before.

        Args:
            message: What tells messages apart, as their stamp.
            source: Over which subscription it came.
        """
        first = self._sources.setdefault(message, source)
        while len(self._sources) > _REMEMBERED:
            self._sources.popitem(last=False)
        return first != source

    def forget(self, source: Hashable) -> None:
        """Forget a subscription that is no more: stamps that stand still would be duplicates."""
        self._sources = OrderedDict(each for each in self._sources.items() if each[1] != source)
