"""Transforms as others send them: what can be mended is, the rest is refused by name."""

from __future__ import annotations

from collections.abc import Callable
import math
import time
from typing import Any

from vggt_ros.geometry.plausible import MAX_LENGTH_M
from vggt_ros.ros.middleware.throttled_log import ThrottledLog

# Rounded to single precision a rotation is a millionth off; tf2 refuses one that is half a
# percent off, and interpolates wrongly between those that it takes.
_MAX_OFF = 1e-3
# Shorter ones were never filled in.
_MIN_NORM = 1e-2
# A moving transform that was refused and has not been sent for so long does not count any more.
_FORGET_S = 5.0
_MAX_EDGES = 100
_REMINDER_S = 30.0

Edge = tuple[str, str]


class TransformIntake:
    """Mends transforms in place, and remembers which had to be, and which cannot be used.

    tf2 drops a transform whose rotation is not of unit length, and all that is seen of it is that
    there is no odometry.
    """

    def __init__(
        self, warn: Callable[[str], object], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Refuse nothing yet.

        Args:
            warn: Told which transforms are mended or refused.
            clock: Monotonic time, seconds.
        """
        self._warnings = ThrottledLog(warn, period_s=_REMINDER_S, clock=clock)
        self._clock = clock
        self._problems: dict[Edge, tuple[str, float]] = {}

    def mend(self, message: Any, *, is_static: bool) -> bool:
        """Make a transform one that tf2 takes as its sender means it.

        A leading slash of a frame goes, as in tf2; a rotation gets unit length.

        Args:
            message: A TransformStamped; changed in place.
            is_static: Whether it holds at all times.

        Returns:
            False if it cannot be used; `problems` then says why.
        """
        parent = message.header.frame_id = message.header.frame_id.removeprefix('/')
        child = message.child_frame_id = message.child_frame_id.removeprefix('/')
        problem = _problem_of(message.transform)
        if problem:
            self.refuse((parent, child), problem, is_static=is_static)
            return False
        rotation = message.transform.rotation
        norm = math.hypot(rotation.x, rotation.y, rotation.z, rotation.w)
        if abs(norm - 1.0) > _MAX_OFF:
            problem = (
                f'its rotation is not normalized, it has length {norm:.4g}, not 1; that is mended '
                f'here, others ignore such a transform: mend its sender'
            )
            self._remember((parent, child), problem, is_static=is_static)
        else:
            self._problems.pop((parent, child), None)
        if norm != 1.0:
            rotation.x, rotation.y = rotation.x / norm, rotation.y / norm
            rotation.z, rotation.w = rotation.z / norm, rotation.w / norm
        return True

    def problems(self) -> list[str]:
        """Return a line for each transform that is sent and is not as it has to be."""
        now_s = self._clock()
        return [
            f'{parent} -> {child}: {problem}'
            for (parent, child), (problem, at_s) in list(self._problems.items())
            if now_s - at_s < _FORGET_S
        ]

    def refuse(self, edge: Edge, problem: str, *, is_static: bool = False) -> None:
        """Remember that a transform, or one made of several, cannot be used, and warn.

        Args:
            edge: Parent and child.
            problem: Why.
            is_static: Whether it holds at all times.
        """
        self._remember(edge, f'{problem}; it is not used: mend its sender', is_static=is_static)

    def _remember(self, edge: Edge, problem: str, *, is_static: bool) -> None:
        if edge not in self._problems and len(self._problems) >= _MAX_EDGES:
            self._problems.pop(next(iter(self._problems)), None)
        # A static one is sent once and stays wrong.
        self._problems[edge] = problem, math.inf if is_static else self._clock()
        self._warnings.log(' -> '.join(edge), problem)


def _problem_of(transform: Any) -> str:
    t, q = transform.translation, transform.rotation
    if not all(map(math.isfinite, (t.x, t.y, t.z))):
        return f'its translation is ({t.x:g}, {t.y:g}, {t.z:g}), not finite'
    if math.hypot(t.x, t.y, t.z) > MAX_LENGTH_M:
        return (
            f'its translation is ({t.x:g}, {t.y:g}, {t.z:g}), longer than the {MAX_LENGTH_M:g} m '
            f'that are possible on Earth'
        )
    values = f'({q.x:g}, {q.y:g}, {q.z:g}, {q.w:g})'
    norm = math.hypot(q.x, q.y, q.z, q.w)
    if not math.isfinite(norm):
        return f'its rotation is {values}, not finite'
    if norm < _MIN_NORM:
        return f'its rotation is {values} of length {norm:g}, which is no rotation'
    return ''
