"""TF patience: the time that all lookups of one window may wait together."""

from __future__ import annotations

Chain = tuple[str, str]


class TfPatience:
    """One waiting budget for each window, and no wait for a chain that brought nothing new.

    Without it every frame of every window would wait for odometry that has ceased, one after the
    other, while images are dropped. Of one thread, the one that processes windows.
    """

    def __init__(self, budget_s: float) -> None:
        """Be ready for a window.

        Args:
            budget_s: Seconds that all lookups of a window may wait together.
        """
        self._left_s = budget_s
        self._missed_at_ns: dict[Chain, int] = {}

    def begin(self, budget_s: float) -> None:
        """Begin another window, whose lookups may wait so long, seconds."""
        self._left_s = budget_s

    def left_s(self, chain: Chain, newest_ns: int) -> float:
        """Return how long a lookup may wait.

        Args:
            chain: Target and source frame.
            newest_ns: The newest stamp at which TF knows the chain. If it was the same when one
                waited for it in vain, there is no wait until there is a newer one.

        Returns:
            Seconds, 0 for not at all.
        """
        return 0.0 if self._missed_at_ns.get(chain) == newest_ns else max(0.0, self._left_s)

    def note(self, chain: Chain, waited_s: float, missed_at_ns: int | None) -> None:
        """Take note of a wait.

        Args:
            chain: What was waited for.
            waited_s: How long.
            missed_at_ns: The newest stamp of the chain after a wait in vain; None if it was not.
        """
        self._left_s -= waited_s
        if missed_at_ns is None:
            self._missed_at_ns.pop(chain, None)
        else:
            self._missed_at_ns[chain] = missed_at_ns
