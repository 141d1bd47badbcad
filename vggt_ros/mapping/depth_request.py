"""Depth request: the frames of a window of which the network is to give depth."""

from __future__ import annotations

from collections.abc import Sequence


def depth_request(set_rows: Sequence[Sequence[int]], num_overlap_sets: int) -> tuple[int, ...]:
    """Return the rows of a window that need depth: first and last overlap frames, and new ones.

    The ends are the first frame and the last set: all cameras of a rig, because one alone has too
    few others to be compared with.

    Args:
        set_rows: For every set of the window the rows of its frames.
        num_overlap_sets: How many of the sets, the first ones, the map already has.
    """
    shared = set_rows[:num_overlap_sets]
    ends = sorted({shared[0][0], *shared[-1]}) if shared else []
    return (*ends, *(row for rows in set_rows[num_overlap_sets:] for row in rows))
