"""The history of one frame relative to its parent."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

import numpy as np
from tf2_py.exceptions import ExtrapolationException


@dataclass(frozen=True, order=True)
class Link:
    """A frame in its parent at one stamp; ordered by stamp.

    Attributes:
        stamp_ns: Nanoseconds; 0 for a static frame.
        parent: Name of the parent frame.
        translation: (3,) parent_from_child.
        quat_xyzw: (4,) unit quaternion, parent_from_child.
    """

    stamp_ns: int
    parent: str = field(compare=False)
    translation: np.ndarray = field(compare=False)
    quat_xyzw: np.ndarray = field(compare=False)


def slerp(start: np.ndarray, end: np.ndarray, ratio: float) -> np.ndarray:
    """Interpolate between unit quaternions on the shorter arc (Shoemake, SIGGRAPH 1985)."""
    cosine = float(np.dot(start, end))
    if cosine < 0.0:
        end, cosine = -end, -cosine
    angle = float(np.arccos(min(cosine, 1.0)))
    if angle < 1e-9:  # the sines vanish; the chord is the arc
        mixed = (1.0 - ratio) * start + ratio * end
    else:
        mixed = np.sin((1.0 - ratio) * angle) * start + np.sin(ratio * angle) * end
    return mixed / np.linalg.norm(mixed)


class StaticCache:
    """A frame that never moves."""

    is_static = True

    def __init__(self, link: Link) -> None:
        self._link = link

    def at(self, stamp_ns: int) -> Link:
        """Return the link; any stamp will do."""
        del stamp_ns
        return self._link

    def add(self, link: Link, cache_ns: int) -> None:
        """Replace the link."""
        del cache_ns
        self._link = link

    @property
    def stamps_ns(self) -> list[int]:
        """No stamps: a static frame limits nothing."""
        return []


class TimeCache:
    """A frame that moves: links ordered by stamp, none older than the cache time."""

    is_static = False

    def __init__(self, link: Link) -> None:
        self._links = [link]

    def add(self, link: Link, cache_ns: int) -> None:
        """Insert a link unless it is too old or its stamp is taken; drop what became too old."""
        newest = self._links[-1].stamp_ns
        if link.stamp_ns < newest - cache_ns:
            return
        position = bisect_left(self._links, link)
        if position < len(self._links) and self._links[position].stamp_ns == link.stamp_ns:
            return
        insort(self._links, link)
        oldest = self._links[-1].stamp_ns - cache_ns
        while self._links[0].stamp_ns < oldest:
            self._links.pop(0)

    def at(self, stamp_ns: int) -> Link:
        """Return the link at a stamp, interpolated; 0 asks for the newest.

        Raises:
            ExtrapolationException: The stamp is before the first or after the last link.
        """
        if stamp_ns == 0:
            return self._links[-1]
        self._check_range(stamp_ns)
        position = bisect_left(self.stamps_ns, stamp_ns)
        after = self._links[position]
        if after.stamp_ns == stamp_ns:
            return after
        before = self._links[position - 1]
        if before.parent != after.parent:  # it was hung elsewhere in between: stay where it was
            return before
        ratio = (stamp_ns - before.stamp_ns) / (after.stamp_ns - before.stamp_ns)
        return Link(
            stamp_ns,
            before.parent,
            (1.0 - ratio) * before.translation + ratio * after.translation,
            slerp(before.quat_xyzw, after.quat_xyzw, ratio),
        )

    @property
    def stamps_ns(self) -> list[int]:
        """Stamps of all links, increasing."""
        return [link.stamp_ns for link in self._links]

    def _check_range(self, stamp_ns: int) -> None:
        first, last = self._links[0].stamp_ns, self._links[-1].stamp_ns
        if first <= stamp_ns <= last:
            return
        asked = f'Requested time {_seconds(stamp_ns)} but the'
        if len(self._links) == 1:
            raise ExtrapolationException(
                f'Lookup would require extrapolation at time {_seconds(stamp_ns)}, '
                f'but only time {_seconds(first)} is in the buffer'
            )
        if stamp_ns > last:
            raise ExtrapolationException(
                'Lookup would require extrapolation into the future.  '
                f'{asked} latest data is at time {_seconds(last)}'
            )
        raise ExtrapolationException(
            'Lookup would require extrapolation into the past.  '
            f'{asked} earliest data is at time {_seconds(first)}'
        )


def _seconds(stamp_ns: int) -> str:
    return f'{stamp_ns / 1e9:.6f}'
