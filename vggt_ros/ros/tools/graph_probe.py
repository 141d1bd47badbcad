"""A look at a running node from outside: its topics, who publishes them, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
import math
import re
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import GetParameters
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from rclpy.qos import (
    qos_check_compatible,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
)
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vggt_ros.mapping.frontend.synchronizer import CameraSync
from vggt_ros.ros.input.input_report import TopicReport
from vggt_ros.ros.middleware.queue_depth import FIRST_DEPTH
from vggt_ros.ros.middleware.topic_names import node_of
from vggt_ros.ros.middleware.topic_types import similar_topics, wrong_type
from vggt_ros.ros.middleware.transport import COMPRESSED_SUFFIX
from vggt_ros.settings.input_config import InputSettings, SyncSettings

_KINDS = {
    'sensor_msgs/msg/Image': (Image, 'image'),
    'sensor_msgs/msg/CompressedImage': (CompressedImage, 'image'),
    'sensor_msgs/msg/CameraInfo': (CameraInfo, 'camera_info'),
}
_DISCOVERY_S, _SETTLED_S, _MAX_DISCOVERY_S = 2.0, 0.5, 6.0
_ANSWER_S = 5.0
_MS_PER_S = 1000.0
# What a node says that subscribes to nothing.
_IDLE = ('unconfigured', 'inactive', 'finalized', 'loading')
_SAID = re.compile(r'input\.(/.+)\.rate_hz')


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphReport:
    """What is seen of a node from outside.

    Attributes:
        is_running: Whether there is a node of that name.
        topics: What it subscribes to; without it all topics of cameras.
        cameras: How its cameras fit to each other, as it says.
        settings: `input.*` as far as it answered.
        status: Its last message on /diagnostics, empty for none.
        values: Keys and values of that.
    """

    is_running: bool
    topics: tuple[TopicReport, ...]
    cameras: tuple[CameraSync, ...] = ()
    settings: InputSettings = field(default_factory=InputSettings)
    status: str = ''
    values: Mapping[str, str] = field(default_factory=dict)


def probe_graph(node_name: str, seconds: float) -> GraphReport:
    """Look at a node for a while.

    Args:
        node_name: Fully qualified, as `/vggt`.
        seconds: How long messages are counted.
    """
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('vggt_doctor', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        return _Probe(node, executor, node_name).look(seconds)
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)


class _Probe:
    def __init__(self, node: Node, executor: Any, node_name: str) -> None:
        self._node = node
        self._executor = executor
        self._namespace, _, self._name = node_name.rpartition('/')
        self._namespace = self._namespace or '/'
        self._full_name = node_name
        self._counts: dict[str, int] = {}
        self._last_s: dict[str, float] = {}
        self._values: dict[str, str] = {}
        self._status = ''

    def look(self, seconds: float) -> GraphReport:
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        is_running, topics = self._discover()
        settings = self._settings() if is_running else InputSettings()
        start_s = time.monotonic()
        for topic, kind in topics.items():
            self._listen(topic, kind, start_s)
        self._spin(seconds)
        reports = tuple(
            self._report(topic, kind, settings, seconds) for topic, kind in topics.items()
        )
        return GraphReport(
            is_running=is_running,
            topics=reports,
            cameras=_cameras_of(self._values),
            settings=settings,
            status=self._status,
            values=dict(self._values),
        )

    def _discover(self) -> tuple[bool, dict[str, str]]:
        """Return whether the node is there, and the topics, when nothing new is found any more."""
        start_s = time.monotonic()
        is_running, topics = False, self._topics(is_running=False)
        while (waited_s := time.monotonic() - start_s) < _MAX_DISCOVERY_S:
            self._spin(_SETTLED_S)
            before = is_running, topics
            nodes = self._node.get_node_names_and_namespaces()
            is_running = (self._name, self._namespace) in nodes
            topics = self._topics(is_running=is_running)
            # A node is known some time before its topics are.
            has_settled = (is_running, topics) == before and waited_s >= _DISCOVERY_S
            is_idle = self._values.get('state') in _IDLE
            if has_settled and is_running and (topics or is_idle):
                break
        return is_running, topics

    def _topics(self, *, is_running: bool) -> dict[str, str]:
        found = self._node.get_topic_names_and_types()
        if is_running:
            found = self._node.get_subscriber_names_and_types_by_node(self._name, self._namespace)
        topics = {
            topic: types[0]
            for topic, types in sorted(found)
            if types[0] in _KINDS and not topic.startswith(f'{self._full_name}/')
        }
        # Which node an endpoint belongs to is the last that becomes known; the node says it, too.
        said = (_SAID.fullmatch(key) for key in self._values)
        return {match[1]: _type_of(match[1]) for match in said if match} | topics

    def _listen(self, topic: str, kind: str, start_s: float) -> None:
        self._counts[topic] = 0
        self._last_s[topic] = start_s

        def on_message(_: bytes) -> None:
            self._counts[topic] += 1
            self._last_s[topic] = time.monotonic()

        offers = self._node.get_publishers_info_by_topic(topic)
        is_reliable = bool(offers) and all(
            each.qos_profile.reliability == ReliabilityPolicy.RELIABLE for each in offers
        )
        qos = QoSProfile(
            depth=FIRST_DEPTH,
            reliability=(
                ReliabilityPolicy.RELIABLE if is_reliable else ReliabilityPolicy.BEST_EFFORT
            ),
        )
        # Counted as bytes: they need not be unpacked.
        self._node.create_subscription(_KINDS[kind][0], topic, on_message, qos, raw=True)

    def _kind(self, topic: str, kind: str) -> str:
        """Tell the images of cameras from measured depth, which is optional."""
        if not self._values:
            return kind
        return self._values.get(f'input.{topic}.kind', 'depth')

    def _report(
        self, topic: str, type_name: str, settings: InputSettings, seconds: float
    ) -> TopicReport:
        kind = self._kind(topic, _KINDS[type_name][1])
        publishers = self._node.get_publishers_info_by_topic(topic)
        wrong = wrong_type(topic, (each.topic_type for each in publishers), type_name, kind)
        heard = [each.qos_profile for each in publishers if each.topic_type == type_name]
        listeners = [
            each.qos_profile
            for each in self._node.get_subscriptions_info_by_topic(topic)
            if (each.node_name, each.node_namespace) == (self._name, self._namespace)
        ]
        return TopicReport(
            topic=topic,
            kind=kind,
            num_publishers=len(publishers),
            rate_hz=self._counts[topic] / seconds,
            silent_s=time.monotonic() - self._last_s[topic],
            problem=wrong or _mismatch(topic, heard, listeners),
            # The node knows better than who listens beside it.
            loss=self._values.get(f'input.{topic}.loss', ''),
            loss_share=float(self._values.get(f'input.{topic}.loss_share', 0.0)),
            publishers=tuple(sorted(map(node_of, publishers))),
            similar=() if publishers else self._similar(topic, type_name, settings),
        )

    def _similar(self, topic: str, wanted: str, settings: InputSettings) -> tuple[str, ...]:
        published = (
            (name, types)
            for name, types in self._node.get_topic_names_and_types()
            if not name.startswith(f'{self._full_name}/') and self._node.count_publishers(name)
        )
        is_auto = settings.transport == 'auto'
        return similar_topics(topic, published, wanted, is_auto=is_auto)

    def _settings(self) -> InputSettings:
        names = (
            'input.num_cameras',
            'input.transport',
            'input.qos_reliability',
            'input.sync.slop',
            'input.sync.min_cameras',
        )
        client = self._node.create_client(GetParameters, f'{self._full_name}/get_parameters')
        if not client.wait_for_service(_ANSWER_S):
            return InputSettings()
        future = client.call_async(GetParameters.Request(names=names))
        self._executor.spin_until_future_complete(future, timeout_sec=_ANSWER_S)
        answer = future.result() if future.done() else None
        if answer is None or len(answer.values) != len(names):
            return InputSettings()
        cameras, transport, reliability, slop, least = map(
            parameter_value_to_python, answer.values
        )
        return replace(
            InputSettings(num_cameras=cameras),
            transport=transport,
            qos_reliability=reliability,
            sync=SyncSettings(slop=slop, min_cameras=least),
        )

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.split(':')[0] == self._full_name.lstrip('/'):
                self._status = status.message
                self._values = {each.key: each.value for each in status.values}

    def _spin(self, seconds: float) -> None:
        deadline_s = time.monotonic() + seconds
        while (left_s := deadline_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=min(left_s, 0.1))


def _type_of(topic: str) -> str:
    """Return the type of a topic that the node says it reads."""
    if topic.endswith(COMPRESSED_SUFFIX):
        return 'sensor_msgs/msg/CompressedImage'
    is_info = topic.split('/')[-1].startswith('camera_info')
    return 'sensor_msgs/msg/CameraInfo' if is_info else 'sensor_msgs/msg/Image'


def _mismatch(topic: str, publishers: list[QoSProfile], listeners: list[QoSProfile]) -> str:
    for offered in publishers:
        for asked in listeners:
            compatibility, reason = qos_check_compatible(offered, asked)
            if compatibility == QoSCompatibility.ERROR and not _is_heard(offered, listeners):
                remedy = ''
                if asked.reliability == ReliabilityPolicy.RELIABLE:
                    remedy = '; set input.qos_reliability to auto'
                return f'{topic}: nothing is received from a publisher ({reason}){remedy}'
    return ''


def _is_heard(offered: QoSProfile, listeners: list[QoSProfile]) -> bool:
    """Return whether one of several subscriptions fits."""
    found = (qos_check_compatible(offered, asked)[0] for asked in listeners)
    return any(each != QoSCompatibility.ERROR for each in found)


def _cameras_of(values: Mapping[str, str]) -> tuple[CameraSync, ...]:
    """Return what `Diagnostics` wrote about the cameras."""
    cameras: list[CameraSync] = []
    while f'camera_{len(cameras)}.frames' in values:
        name = f'camera_{len(cameras)}'
        num_frames, num_in_sets = (int(values[f'{name}.{key}']) for key in ('frames', 'in_sets'))
        cameras.append(
            CameraSync(
                num_frames=num_frames,
                num_in_sets=num_in_sets,
                num_dropped=num_frames - num_in_sets,
                offset_s=float(values.get(f'{name}.offset_ms', math.nan)) / _MS_PER_S,
                period_s=float(values.get(f'{name}.period_ms', math.nan)) / _MS_PER_S,
                true_offset_s=float(values.get(f'{name}.true_offset_ms', math.nan)) / _MS_PER_S,
                is_missing=values.get(f'{name}.is_missing') == 'true',
            )
        )
    return tuple(cameras)
