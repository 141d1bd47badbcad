"""Transforms of the robot, at the stamps of images and never at any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import threading
import time
from typing import Any

from geometry_msgs.msg import TransformStamped
from jaxtyping import Float
import numpy as np
import rclpy
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from tf2_msgs.msg import TFMessage
from tf2_ros import Buffer, TransformException
from tf_transformations import quaternion_matrix

from vggt_ros.geometry.plausible import implausible, MAX_LENGTH_M
from vggt_ros.ros.middleware.log_text import one_line
from vggt_ros.ros.middleware.shutdown import keep_spinning
from vggt_ros.ros.middleware.stamps import ns_from_stamp
from vggt_ros.ros.middleware.topic_names import node_of
from vggt_ros.ros.tf.odometry_watch import OdometryWatch
from vggt_ros.ros.tf.sent_transforms import SentTransforms
from vggt_ros.ros.tf.tf_parents import NamedParent, TfParents
from vggt_ros.ros.tf.transform_intake import TransformIntake

_POLL_S = 0.01
_JOIN_S = 2.0
_DEPTH = 100
_AUTHORITY = 'default_authority'
_TOPICS = ('/tf', '/tf_static')


def _raise(error: Exception) -> None:
    raise error


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherParent:
    """A parent that others give a frame.

    Attributes:
        frame: The parent.
        senders: Who sends that, for people: the node, or all that it may be.
    """

    frame: str
    senders: str


class TfListener:
    """Listens in a thread and a node of its own, so that a lookup may wait for what it lacks.

    Any thread may ask, but for the executor's of the main node: a wait there would stop it.

    Attributes:
        parents: Who is whose parent, as others say.
        watch: Looks at what moves as it comes.
    """

    def __init__(
        self,
        node: Node,
        cache_time_s: float,
        warn: Callable[[str], object] | None = None,
        *,
        root: str = '',
        sent: SentTransforms | None = None,
        note_error: Callable[[Exception], None] = _raise,
    ) -> None:
        """Start listening.

        Args:
            node: The main node: its context, name, kind of time and remappings of /tf and
                /tf_static are used.
            cache_time_s: How long transforms are kept.
            warn: Told which transforms are mended or refused; None for the node's log.
            root: Moving transforms out of this frame are left out: it is the map's, and what the
                node says of the robot itself must not come back as what others say.
            sent: What this node sends itself; None for nothing.
            note_error: Told what a callback raised.
        """
        self._root = root
        uses_sim_time = node.get_parameter('use_sim_time').value
        self._node = rclpy.create_node(
            f'{node.get_name()}_tf',
            namespace=node.get_namespace(),
            context=node.context,
            # A rule that renames the main node must not rename this one, too: of all rules only
            # those for TF are handed on.
            cli_args=_remappings(node),
            use_global_arguments=False,
            start_parameter_services=False,
            parameter_overrides=[
                Parameter('use_sim_time', value=bool(uses_sim_time)),
                # rclpy does not give back the 0.1 MB that this service takes, and nothing asks it.
                Parameter('start_type_description_service', value=False),
            ],
        )
        self._buffer = Buffer(Duration(seconds=cache_time_s), self._node)
        self._intake = TransformIntake(node.get_logger().warning if warn is None else warn)
        self._note_error = note_error
        self._sent = SentTransforms() if sent is None else sent
        self._main_name = node.get_fully_qualified_name()
        self.parents = TfParents()
        self.watch = OdometryWatch()
        self._subscribe()
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(self._node)
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._spin, name='vggt-tf', daemon=True)
        self._thread.start()

    def lookup(
        self,
        target: str,
        source: str,
        stamp_ns: int,
        timeout_s: float,
        *,
        waits_for_strangers: bool = False,
        max_length_m: float = MAX_LENGTH_M,
    ) -> Float[np.ndarray, '4 4'] | None:
        """Return `target_from_source` at a stamp, rigid; None if it is not known, or absurd.

        Args:
            target: Frame that coordinates are wanted in.
            source: Frame that they are in.
            stamp_ns: When, in nanoseconds; static transforms hold at all times.
            timeout_s: Wait so long, by the wall clock, for transforms on their way; not for those
                that have been forgotten.
            waits_for_strangers: Whether to wait for those that were never sent, too.
            max_length_m: A longer one is refused by name, as is one that is not rigid.
        """
        deadline_s = time.monotonic() + timeout_s
        stamp = Time(nanoseconds=stamp_ns)
        while True:
            try:
                found = self._buffer.lookup_transform(target, source, stamp)
            except TransformException:
                is_late = time.monotonic() >= deadline_s or self._is_closing.is_set()
                may_come = self._may_come(target, source, stamp_ns, waits_for_strangers)
                if is_late or not may_come:
                    return None
                time.sleep(_POLL_S)
                continue
            q, t = found.transform.rotation, found.transform.translation
            matrix: Float[np.ndarray, '4 4'] = quaternion_matrix([q.x, q.y, q.z, q.w])
            matrix[:3, 3] = t.x, t.y, t.z
            problem = implausible(matrix, max_length_m)
            if problem:
                self._intake.refuse((target, source), problem)
                return None
            return matrix

    def knows(self, target: str, source: str) -> bool:
        """Return whether the two frames have ever been in one tree."""
        return self.newest_ns(target, source) is not None

    def newest_ns(self, target: str, source: str) -> int | None:
        """Return the newest stamp at which `target_from_source` is known.

        Returns:
            Nanoseconds; 0 if it holds at all times, None if the two were never in one tree.
        """
        try:
            newest = self._buffer.lookup_transform(target, source, Time())
        except TransformException:
            return None
        return ns_from_stamp(newest.header.stamp)

    def problems(self) -> list[str]:
        """Return a line for each transform that is sent and is not as it has to be."""
        return self._intake.problems()

    def other_parent(self, child: str) -> OtherParent | None:
        """Return a parent that others give a frame, and who they are; None if they do not."""
        found = self.parents.parent_of(child)
        if found is None:
            return None
        return OtherParent(frame=found.frame, senders=self._senders_of(found))

    def forget(self) -> None:
        """Forget all but static transforms: time has begun again."""
        self._buffer.clear()
        self.watch.clear()

    def close(self) -> None:
        """Stop listening; again is harmless."""
        if self._is_closing.is_set():
            return
        self._is_closing.set()
        self._executor.wake()
        self._thread.join(_JOIN_S)
        self._executor.shutdown()
        self._node.destroy_node()

    def _may_come(
        self, target: str, source: str, stamp_ns: int, waits_for_strangers: bool
    ) -> bool:
        newest_ns = self.newest_ns(target, source)
        return waits_for_strangers if newest_ns is None else newest_ns < stamp_ns

    def _subscribe(self) -> None:
        """Do what tf2's own listener does, with a look at what comes."""
        reliable = ReliabilityPolicy.RELIABLE
        moving = QoSProfile(depth=_DEPTH, reliability=reliable)
        latched = QoSProfile(
            depth=_DEPTH, reliability=reliable, durability=DurabilityPolicy.TRANSIENT_LOCAL
        )
        for topic, callback, qos in zip(
            _TOPICS, (self._on_moving, self._on_static), (moving, latched), strict=True
        ):
            self._node.create_subscription(TFMessage, topic, callback, qos)

    def _senders_of(self, parent: NamedParent) -> str:
        """Return which node gives a frame a parent; all that may, if the middleware is silent."""
        topic = _TOPICS[parent.is_static]
        publishers = self._node.get_publishers_info_by_topic(topic)
        exact = [each for each in publishers if bytes(each.endpoint_gid) == parent.sender]
        names = set(map(node_of, publishers))
        if exact:
            return one_line(node_of(exact[0]))
        others = sorted(names - {self._main_name})
        topic = self._node.resolve_topic_name(topic)
        return one_line(f'one of those that publish {topic}: {", ".join(others) or "none left"}')

    def _note(self, transform: TransformStamped, info: Any, *, is_static: bool) -> None:
        # Before it is judged: who is told of a refusal must find its edge here.
        child, parent = transform.child_frame_id, transform.header.frame_id
        self.parents.note(
            child.removeprefix('/'),
            parent.removeprefix('/'),
            is_static=is_static,
            sender=_gid_of(info),
        )

    def _on_moving(self, message: TFMessage, info: Any) -> None:
        for each in message.transforms:
            if each in self._sent:
                continue
            self._note(each, info, is_static=False)
            is_usable = self._intake.mend(each, is_static=False)
            self._look_at(each, is_usable=is_usable)
            if is_usable and each.header.frame_id != self._root:
                self._buffer.set_transform(each, _AUTHORITY)

    def _on_static(self, message: TFMessage, info: Any) -> None:
        for each in message.transforms:
            self._note(each, info, is_static=True)
            is_usable = self._intake.mend(each, is_static=True)
            if is_usable:
                self._buffer.set_transform_static(each, _AUTHORITY)

    def _look_at(self, message: TransformStamped, *, is_usable: bool) -> None:
        edge = message.header.frame_id, message.child_frame_id
        if not is_usable:
            self.watch.note_refused(edge)
            return
        t, q = message.transform.translation, message.transform.rotation
        self.watch.note(
            edge,
            ns_from_stamp(message.header.stamp),
            (t.x, t.y, t.z),
            (q.x, q.y, q.z, q.w),
            self._node.get_clock().now().nanoseconds,
        )

    def _spin(self) -> None:
        keep_spinning(
            lambda: self._executor.spin_once(timeout_sec=0.5),
            self._node.context.ok,
            self._note_error,
            self._is_closing.is_set,
        )


def _gid_of(info: Any) -> bytes:
    """Return what the middleware calls the sender of a message; empty where it does not say."""
    return bytes((info.get('publisher_gid') or {}).get('data', b''))


def _remappings(node: Node) -> list[str]:
    """Return the words that give another node what this one calls /tf and /tf_static."""
    rules = [(topic, node.resolve_topic_name(topic)) for topic in _TOPICS]
    words = [word for topic, name in rules if name != topic for word in ('-r', f'{topic}:={name}')]
    return ['--ros-args', *words] if words else []
