"""The queue of a subscription: long enough for a busy moment, bounded in bytes."""

from __future__ import annotations

import math

# The executor shares the interpreter with the refinement, which may keep it busy for so long.
_BUSY_S = 1.0
_MAX_BYTES = 250_000_000
_LEAST, _MOST, _STEP = 2, 100, 10
# For messages of which nothing is known yet: a second of most cameras.
FIRST_DEPTH = 30


def queue_depth(rate_hz: float, num_bytes: int, current: int) -> int:
    """Return how many messages a queue should hold: those of a second, at most 250 MB and 100.

    A queue is changed seldom, for that takes a new subscription: it grows in tens, and it does not
    shrink because fewer messages come.

    Args:
        rate_hz: Messages a second.
        num_bytes: Size of one.
        current: What it holds now.
    """
    affordable = _MAX_BYTES // max(num_bytes, 1)
    wanted = _STEP * math.ceil(rate_hz * _BUSY_S / _STEP)
    return max(_LEAST, min(max(wanted, current), affordable, _MOST))
