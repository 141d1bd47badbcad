"""Moving transforms as they come: one that has ceased, lies in the future or jumped is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import math
import threading
import time

from vggt_ros.ros.middleware.tf_clock import TfProblem

# A sender that sends more rarely is of no use at the stamps of images.
_SILENT_S = 3.0
# Some stamp what they extrapolate a little ahead of now, and simulated time comes in steps.
_MAX_AHEAD_S = 1.0
# Beside going on as before, a robot moves from one transform to the next by no more than this: a
# bump, and the hardest braking and accelerating of vehicles; and it turns no faster than that.
_BUMP_M, _MAX_ACCELERATION = 0.3, 20.0
_BUMP_RAD, _MAX_TURN_RAD_PER_S = 0.3, 15.0
# So long a jump is told; it is over in a moment, which is easily missed.
_TOLD_S = 10.0
_MAX_EDGES = 100
_NS_PER_S = 1e9

Edge = tuple[str, str]
Vector = tuple[float, ...]


@dataclass(slots=True, kw_only=True)
class _Seen:
    """The newest transform of an edge, and what was wrong with it and those before."""

    heard_s: float
    stamp_ns: int
    position_m: Vector
    quat_xyzw: Vector
    velocity_m_s: Vector | None = None
    ahead_s: float = 0.0
    jump: str = ''
    jumped_s: float = -math.inf


class OdometryWatch:
    """Remembers the newest transform of every moving edge; any thread may ask.

    It looks at stamps and values alone, so that it needs no image and no buffer of transforms.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Know no edge; measure time by `clock`, seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[Edge, _Seen] = {}

    def note(
        self, edge: Edge, stamp_ns: int, position_m: Vector, quat_xyzw: Vector, now_ns: int
    ) -> None:
        """Look at a transform that has just come.

        Args:
            edge: Parent and child.
            stamp_ns: Its stamp.
            position_m: x, y, z of the child in the parent; finite.
            quat_xyzw: Its rotation, of unit length.
            now_ns: Now by the clock that stamps; 0 while that has not begun.
        """
        new = _Seen(
            heard_s=self._clock(), stamp_ns=stamp_ns, position_m=position_m, quat_xyzw=quat_xyzw
        )
        new.ahead_s = (stamp_ns - now_ns) / _NS_PER_S if now_ns else 0.0
        with self._lock:
            old = self._seen.get(edge)
            if old is not None and old.stamp_ns == stamp_ns:
                return  # sent again: nothing new
            if old is not None and old.stamp_ns < stamp_ns:
                self._compare(old, new)
            if old is None and len(self._seen) >= _MAX_EDGES:
                self._seen.pop(next(iter(self._seen)))
            self._seen[edge] = new

    def note_refused(self, edge: Edge) -> None:
        """Take note that a transform came that is of no use: its sender is not silent."""
        with self._lock:
            if edge in self._seen:
                self._seen[edge].heard_s = self._clock()

    def clear(self) -> None:
        """Forget everything: time has begun again."""
        with self._lock:
            self._seen.clear()

    def problems(self, edges: Iterable[Edge], what: str) -> list[TfProblem]:
        """Return what is wrong with some of the edges.

        Args:
            edges: Parents and children; those that do not move are passed over.
            what: What they say, for people: odometry.
        """
        now_s = self._clock()
        found = []
        with self._lock:
            for edge in edges:
                seen = self._seen.get(edge)
                if seen is not None:
                    found += _problems_of(seen, f'{edge[0]} -> {edge[1]}', what, now_s)
        return found

    def _compare(self, old: _Seen, new: _Seen) -> None:
        seconds = (new.stamp_ns - old.stamp_ns) / _NS_PER_S
        way_m = tuple(b - a for a, b in zip(old.position_m, new.position_m, strict=True))
        new.jump, new.jumped_s = old.jump, old.jumped_s
        new.velocity_m_s = tuple(each / seconds for each in way_m)
        expected = old.velocity_m_s
        if expected is None:
            return
        off_m = math.dist(way_m, tuple(each * seconds for each in expected))
        turn_rad = _angle(old.quat_xyzw, new.quat_xyzw)
        is_far = off_m > _BUMP_M + _MAX_ACCELERATION * seconds**2
        if not is_far and turn_rad <= _BUMP_RAD + _MAX_TURN_RAD_PER_S * seconds:
            return
        was_told = old.jumped_s == old.heard_s
        new.jumped_s = new.heard_s
        new.jump = (
            f'by {math.hypot(*way_m):.3g} m and {math.degrees(turn_rad):.3g} degrees within '
            f'{seconds:.3g} s, where {math.hypot(*expected) * seconds:.3g} m were to be expected'
        )
        if not was_told:
            # A jump is no speed; but what is far off twice in a row has another speed by now.
            new.velocity_m_s = expected


def _problems_of(seen: _Seen, edge: str, what: str, now_s: float) -> list[TfProblem]:
    found = []
    silent_s = now_s - seen.heard_s
    if silent_s > _SILENT_S:
        text = f'{what} silent since {silent_s:.0f} s: {edge} is not sent any more; look whether '
        found.append(TfProblem(reason='tf_silent', text=f'{text}its sender runs'))
    elif seen.ahead_s > _MAX_AHEAD_S:
        text = (
            f'{what} in the future: {edge} is stamped {seen.ahead_s:.1f} s after the clock of '
            f'this node, at most {_MAX_AHEAD_S:g} s are usual; synchronize the clocks of the '
            f'machines, or let all of them take the time from /clock (use_sim_time)'
        )
        found.append(TfProblem(reason='tf_future', text=text))
    if now_s - seen.jumped_s < _TOLD_S:
        text = (
            f'{what} jumped: {edge} moved {seen.jump}; below the odometry everything is '
            f'continuous (REP 105): let its sender put corrections above it, or mend its driver'
        )
        found.append(TfProblem(reason='tf_jump', text=text))
    return found


def _angle(a_xyzw: Vector, b_xyzw: Vector) -> float:
    """Return the angle between two rotations, radians, 0..pi."""
    cosine = abs(sum(a * b for a, b in zip(a_xyzw, b_xyzw, strict=True)))
    return 2.0 * math.acos(min(1.0, cosine))
