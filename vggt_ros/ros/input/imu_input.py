"""The topic of an IMU: gravity for the cameras, looked up by the stamps of their images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
import math

from rclpy.node import Node
from sensor_msgs.msg import Imu

from vggt_ros.errors import InputError
from vggt_ros.mapping.registration.imu_gravity import imu_sample, ImuGravity
from vggt_ros.mapping.registration.up_direction import UpDirection
from vggt_ros.ros.input.depth_view import Lookup
from vggt_ros.ros.input.input_report import report_on, TopicReport
from vggt_ros.ros.middleware.frame_name import FrameName
from vggt_ros.ros.middleware.heard_topics import HeardTopic, HeardTopics
from vggt_ros.ros.middleware.log_text import one_line
from vggt_ros.ros.middleware.stamps import ns_from_stamp
from vggt_ros.settings.live_config import LiveConfig

TOPIC = 'imu'


@dataclass(frozen=True, slots=True, kw_only=True)
class ImuReport:
    """How the IMU is.

    Attributes:
        problem: Why it is not used; empty if it is, or if there is none.
        refused: Messages and moments that were refused, by reason.
    """

    problem: str = ''
    refused: Mapping[str, int]


class ImuInput:
    """Keeps the newest messages of the topic `imu`, and tells what is up along a camera's axes.

    `up_in_cam` may be asked by any thread but the executor's; all else belongs to the executor's.
    """

    def __init__(
        self, node: Node, config: LiveConfig, topics: HeardTopics, lookup: Lookup
    ) -> None:
        """Do not subscribe yet.

        Args:
            node: Owns the subscription.
            config: `gravity.*` is used.
            topics: What the node hears.
            lookup: Knows the transforms; may be called by any thread.
        """
        self._node = node
        self._config = config
        self._topics = topics
        self._lookup = lookup
        self._gravity = ImuGravity()
        self._heard: HeardTopic | None = None
        logger = node.get_logger()
        self._name = node.resolve_topic_name(TOPIC)
        self._frame_name = FrameName(self._name, lambda text: logger.warning(text))
        self._frame = ''
        self._problem = ''
        self._told: set[str] = set()
        self._unknown_frames: Counter[str] = Counter()

    def subscribe(self) -> None:
        """Start taking messages, if `gravity.use_imu` wants them."""
        if self._config.value.gravity.use_imu:
            self._heard = self._topics.hear(Imu, TOPIC, self._on_imu, is_compressible=False)

    def unsubscribe(self) -> None:
        """Stop, and forget the messages; again is harmless."""
        if self._heard is not None:
            self._heard.end()
            self._heard = None
        self._gravity.clear()
        self._problem = ''

    def up_in_cam(self, stamp_ns: int, camera_frame: str) -> UpDirection | None:
        """Return what is up along the axes of a camera at the stamp of its image.

        Args:
            stamp_ns: Of the image.
            camera_frame: Name of the camera's optical frame.

        Returns:
            None if the IMU says nothing that can be used.
        """
        try:
            up = self._gravity.up_at(stamp_ns)
        except InputError:  # counted, and told by `check`
            return None
        if up is None or not self._frame:
            return None
        cam_from_imu = self._lookup(camera_frame, self._frame, stamp_ns)
        if cam_from_imu is None:
            self._unknown_frames['imu_frame'] += 1
            return None
        sigma_rad = math.hypot(up.sigma_rad, math.radians(self._config.value.gravity.sigma))
        return replace(up.turned(cam_from_imu[:3, :3]), sigma_rad=sigma_rad)

    def check(self, camera_frame: str | None) -> None:
        """Look for what is wrong with the IMU, and log each kind once; call once a second or so.

        Args:
            camera_frame: Of the newest image; None before the first.
        """
        newest_ns = self._gravity.newest_ns
        if newest_ns is None:
            return
        try:
            self._gravity.up_at(newest_ns)
            if camera_frame is not None:
                self._check_frame(camera_frame, newest_ns)
        except InputError as error:
            self._tell(error)
            return
        self._problem = ''

    def report(self) -> ImuReport:
        """Return how the IMU is."""
        return ImuReport(
            problem=self._problem, refused=dict(self._gravity.refused + self._unknown_frames)
        )

    def topic_reports(self) -> tuple[TopicReport, ...]:
        """Return how the topic is if it has a publisher; call it once a second or so."""
        if self._heard is None:
            return ()
        heard = self._heard.subscription
        num_publishers = self._node.count_publishers(heard.topic)
        if not num_publishers and not heard.num_received:
            return ()
        return (report_on(heard, 'imu', num_publishers),)

    def _on_imu(self, message: Imu) -> None:
        frame = self._frame_name.of(message.header.frame_id)
        if frame != self._frame:
            self._frame = frame
            self._gravity.clear()  # another sensor
        try:
            self._gravity.add(imu_sample(message, ns_from_stamp(message.header.stamp)))
        except InputError as error:
            self._tell(error)

    def _check_frame(self, camera_frame: str, stamp_ns: int) -> None:
        if self._lookup(camera_frame, self._frame, stamp_ns) is None:
            raise InputError(
                'imu_frame',
                f'TF does not know the IMU ({one_line(self._frame)!r}) from the camera '
                f'({one_line(camera_frame)!r}): publish where it is mounted (static_transform_'
                f'publisher, or the robot description); its gravity is not used',
            )

    def _tell(self, error: InputError) -> None:
        line = f'{self._name}: {error}'
        self._problem = line
        if error.reason not in self._told:
            self._told.add(error.reason)
            self._node.get_logger().error(f'{error.reason}: {line}')
