"""The tree of frames over time."""

from __future__ import annotations

from collections.abc import Callable
import logging
import threading
from typing import Any

from geometry_msgs.msg import TransformStamped
import numpy as np
from rclpy.duration import Duration
from rclpy.time import Time
from tf2_py.exceptions import (
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    TransformException,
)
from tf2_py.rigid_transform import (
    compose,
    conjugate,
    invert,
    multiply,
    rotate,
    rotation_vector,
)
from tf2_py.stamped import message_of, nanoseconds, parts_of, problem_of
from tf2_py.time_cache import Link, StaticCache, TimeCache

_DEFAULT_CACHE_NS = 10_000_000_000
_log = logging.getLogger('tf2_py')

Vector = tuple[float, float, float]


class BufferCore:
    """Keeps transforms between frames for a while and answers what one frame is in another.

    Frames form a tree, each with one parent. Safe to use from several threads.
    """

    def __init__(self, cache_time: Duration | None = None) -> None:
        """Start empty.

        Args:
            cache_time: How long moving frames are kept; ten seconds by default.
        """
        self._cache_ns = _DEFAULT_CACHE_NS if cache_time is None else cache_time.nanoseconds
        self._caches: dict[str, TimeCache | StaticCache] = {}
        self._authorities: dict[str, str] = {}
        self._parents: set[str] = set()
        self._core_lock = threading.RLock()

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Add where `child_frame_id` is in `header.frame_id` at the stamp of the header."""
        self._set(transform, authority, is_static=False)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Add where `child_frame_id` is in `header.frame_id` for all times."""
        self._set(transform, authority, is_static=True)

    def clear(self) -> None:
        """Forget all moving frames; static ones stay."""
        with self._core_lock:
            self._caches = {k: cache for k, cache in self._caches.items() if cache.is_static}

    def lookup_transform_core(
        self, target_frame: str, source_frame: str, time: Any
    ) -> TransformStamped:
        """Return target_from_source at a time; time 0 is the newest that all links have.

        Raises:
            LookupException: One of the frames is not known.
            ConnectivityException: The frames are not in one tree.
            ExtrapolationException: The time is outside of what is known.
            InvalidArgumentException: A frame name is empty or begins with a slash.
        """
        with self._core_lock:
            self._check_frames('lookupTransform', target_frame, source_frame)
            stamp_ns = nanoseconds(time)
            if stamp_ns == 0:
                stamp_ns = self._latest_common_ns(target_frame, source_frame)
            translation, quat_xyzw = self._relative(target_frame, source_frame, stamp_ns)
        return message_of(target_frame, source_frame, stamp_ns, translation, quat_xyzw)

    def lookup_transform_full_core(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
    ) -> TransformStamped:
        """Return target (at its time) from source (at its time), joined in a fixed frame.

        Raises:
            TransformException: As for `lookup_transform_core`.
        """
        fixed_from_source = self.lookup_transform_core(fixed_frame, source_frame, source_time)
        target_from_fixed = self.lookup_transform_core(target_frame, fixed_frame, target_time)
        translation, quat_xyzw = compose(parts_of(target_from_fixed), parts_of(fixed_from_source))
        stamp_ns = nanoseconds(target_from_fixed.header.stamp)
        return message_of(target_frame, source_frame, stamp_ns, translation, quat_xyzw)

    def can_transform_core(
        self, target_frame: str, source_frame: str, time: Any
    ) -> tuple[int, str]:
        """Return (1, '') if the lookup would succeed, else (0, why not)."""
        return _attempt(lambda: self.lookup_transform_core(target_frame, source_frame, time))

    def can_transform_full_core(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
    ) -> tuple[int, str]:
        """Return (1, '') if the full lookup would succeed, else (0, why not)."""
        return _attempt(
            lambda: self.lookup_transform_full_core(
                target_frame, target_time, source_frame, source_time, fixed_frame
            )
        )

    def get_latest_common_time(self, target_frame: str, source_frame: str) -> Time:
        """Return the newest time at which a lookup between two frames succeeds.

        Raises:
            LookupException: One of the frames is not known.
            ConnectivityException: The frames are not in one tree.
        """
        with self._core_lock:
            self._check_frames('getLatestCommonTime', target_frame, source_frame)
            return Time(nanoseconds=self._latest_common_ns(target_frame, source_frame))

    def lookupVelocityCore(
        self, tracking_frame: str, observation_frame: str, time: Any, averaging_interval: Duration
    ) -> tuple[Vector, Vector]:
        """Return linear and angular velocity of a frame as another one sees it, in its axes."""
        return self.lookupVelocityFullCore(
            tracking_frame,
            observation_frame,
            observation_frame,
            (0.0, 0.0, 0.0),
            tracking_frame,
            time,
            averaging_interval,
        )

    def lookupVelocityFullCore(
        self,
        tracking_frame: str,
        observation_frame: str,
        reference_frame: str,
        reference_point: tuple[float, float, float],
        reference_point_frame: str,
        time: Any,
        averaging_interval: Duration,
    ) -> tuple[Vector, Vector]:
        """Return velocities of a frame relative to another.

        Args:
            tracking_frame: The frame that moves.
            observation_frame: The frame that it moves in.
            reference_frame: The frame whose axes the answer is given in.
            reference_point: The point, rigidly fixed to the moving frame, whose velocity it is.
            reference_point_frame: The frame `reference_point` is given in.
            time: Middle of the interval; 0 for the newest.
            averaging_interval: Length of the interval.

        Returns:
            Linear velocity (x, y, z) and angular velocity (x, y, z).
        """
        latest_ns = nanoseconds(self.get_latest_common_time(observation_frame, tracking_frame))
        middle_ns = nanoseconds(time) or latest_ns
        end_ns = min(middle_ns + averaging_interval.nanoseconds // 2, latest_ns)
        start_ns = max(1, end_ns - averaging_interval.nanoseconds)  # 0 would mean the newest
        between = (
            self.lookup_transform_core(observation_frame, tracking_frame, Time(nanoseconds=ns))
            for ns in (start_ns, end_ns)
        )
        (t_start, q_start), (t_end, q_end) = (parts_of(message) for message in between)
        seconds = (end_ns - start_ns) / 1e9
        linear = (t_end - t_start) / seconds
        angular = rotation_vector(multiply(q_end, conjugate(q_start))) / seconds
        at = Time(nanoseconds=middle_ns)
        observed = parts_of(
            self.lookup_transform_core(observation_frame, reference_point_frame, at)
        )
        point = observed[0] + rotate(observed[1], np.asarray(reference_point, dtype=float))
        origin = parts_of(self.lookup_transform_core(observation_frame, tracking_frame, at))[0]
        linear = linear + np.cross(angular, point - origin)
        axes = parts_of(self.lookup_transform_core(reference_frame, observation_frame, at))[1]
        return _tuple(rotate(axes, linear)), _tuple(rotate(axes, angular))

    def all_frames_as_string(self) -> str:
        """Return one sentence a frame."""
        with self._core_lock:
            return ''.join(
                f'Frame {child} exists with parent {cache.at(0).parent}.\n'
                for child, cache in self._caches.items()
            )

    def all_frames_as_yaml(self, time: Any = None) -> str:
        """Return all frames with parents, authorities, rates and stamps; [] if there are none."""
        del time
        with self._core_lock:
            if not self._caches:
                return '[]'
            return ''.join(self._yaml(child, cache) for child, cache in self._caches.items())

    def _frameExists(self, frame: str) -> bool:
        with self._core_lock:
            return frame in self._caches or frame in self._parents

    def _getFrameStrings(self) -> list[str]:
        with self._core_lock:
            return sorted({*self._caches, *self._parents})

    def _yaml(self, child: str, cache: TimeCache | StaticCache) -> str:
        stamps_ns = cache.stamps_ns or [0]
        length_s = (stamps_ns[-1] - stamps_ns[0]) / 1e9
        rate_hz = (len(stamps_ns) - 1) / length_s if length_s > 0 else 10000.0
        return (
            f'{child}: \n'
            f"  parent: '{cache.at(0).parent}'\n"
            f"  broadcaster: '{self._authorities[child]}'\n"
            f'  rate: {rate_hz:.3f}\n'
            f'  most_recent_transform: {stamps_ns[-1] / 1e9:.6f}\n'
            f'  oldest_transform: {stamps_ns[0] / 1e9:.6f}\n'
            f'  buffer_length: {length_s:.3f}\n'
        )

    def _set(self, transform: TransformStamped, authority: str, *, is_static: bool) -> None:
        parent = transform.header.frame_id.lstrip('/')
        child = transform.child_frame_id.lstrip('/')
        translation, quat_xyzw = parts_of(transform)
        problem = problem_of(parent, child, translation, quat_xyzw)
        if problem:
            _log.error('transform from authority %s ignored: %s', authority, problem)
            return
        stamp_ns = 0 if is_static else nanoseconds(transform.header.stamp)
        link = Link(stamp_ns, parent, translation, quat_xyzw)
        with self._core_lock:
            self._parents.add(parent)
            self._authorities[child] = authority
            cache = self._caches.get(child)
            if cache is None or cache.is_static != is_static:
                self._caches[child] = StaticCache(link) if is_static else TimeCache(link)
            else:
                cache.add(link, self._cache_ns)

    def _check_frames(self, function: str, target_frame: str, source_frame: str) -> None:
        for argument, frame in (('target_frame', target_frame), ('source_frame', source_frame)):
            if not frame or frame.startswith('/'):
                raise InvalidArgumentException(
                    f'Invalid argument passed to {function} argument {argument} in tf2: '
                    f'frame_ids cannot be empty or start with a \'/\' like: "{frame}"'
                )
            if not self._frameExists(frame):
                raise LookupException(
                    f'"{frame}" passed to {function} argument {argument} does not exist. '
                )

    def _ancestors(self, frame: str) -> list[str]:
        """Return a frame and its newest ancestors, nearest first."""
        chain = [frame]
        while chain[-1] in self._caches:
            parent = self._caches[chain[-1]].at(0).parent
            if parent in chain:
                raise LookupException(
                    f'The tf tree is invalid because it contains a loop at {parent}.'
                )
            chain.append(parent)
        return chain

    def _latest_common_ns(self, target_frame: str, source_frame: str) -> int:
        source_chain, target_chain = self._ancestors(source_frame), self._ancestors(target_frame)
        shared = next((frame for frame in source_chain if frame in target_chain), None)
        if shared is None:
            raise ConnectivityException(_unconnected(target_frame, source_frame))
        below = [
            *source_chain[: source_chain.index(shared)],
            *target_chain[: target_chain.index(shared)],
        ]
        newest = [self._caches[f].stamps_ns[-1] for f in below if not self._caches[f].is_static]
        return min(newest, default=0)

    def _climb(
        self, frame: str, stamp_ns: int
    ) -> tuple[list[tuple[str, np.ndarray, np.ndarray]], str]:
        """Return (ancestor, translation, quaternion) of ancestor_from_frame, and why it ended."""
        here = (np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]))
        chain = [(frame, *here)]
        while chain[-1][0] in self._caches:
            try:
                link = self._caches[chain[-1][0]].at(stamp_ns)
            except ExtrapolationException as error:
                return chain, str(error)
            if any(link.parent == name for name, _, _ in chain):
                raise LookupException(
                    f'The tf tree is invalid because it contains a loop at {link.parent}.'
                )
            here = compose((link.translation, link.quat_xyzw), here)
            chain.append((link.parent, *here))
        return chain, ''

    def _relative(
        self, target_frame: str, source_frame: str, stamp_ns: int
    ) -> tuple[np.ndarray, np.ndarray]:
        source_chain, source_end = self._climb(source_frame, stamp_ns)
        target_chain, target_end = self._climb(target_frame, stamp_ns)
        of_target = {name: (translation, quat) for name, translation, quat in target_chain}
        for name, translation, quat in source_chain:
            if name in of_target:
                return compose(invert(of_target[name]), (translation, quat))
        ended = source_end or target_end
        if ended:
            raise ExtrapolationException(
                f'{ended}, when looking up transform from frame [{source_frame}] '
                f'to frame [{target_frame}]'
            )
        raise ConnectivityException(_unconnected(target_frame, source_frame))


def _attempt(lookup: Callable[[], object]) -> tuple[int, str]:
    try:
        lookup()
    except TransformException as error:
        return 0, str(error)
    return 1, ''


def _unconnected(target_frame: str, source_frame: str) -> str:
    return (
        f"Could not find a connection between '{target_frame}' and '{source_frame}' because they "
        'are not part of the same tree. Tf has two or more unconnected trees.'
    )


def _tuple(vector: np.ndarray) -> Vector:
    x, y, z = map(float, vector)
    return x, y, z
