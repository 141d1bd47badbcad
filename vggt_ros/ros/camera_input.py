"""The camera's topics: subscribed, decoded, checked and handed over."""

from __future__ import annotations

from collections.abc import Callable
import time

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, Image

from vggt_ros.config import VggtConfig
from vggt_ros.errors import InputError
from vggt_ros.mapping.frame import UndecodedFrame
from vggt_ros.ros.calibration_gate import CalibrationGate
from vggt_ros.ros.image_input import ImageInput
from vggt_ros.ros.throttled_log import ThrottledLog

_SILENCE_S = 5.0
_REMINDER_S = 30.0


class CameraInput:
    """Hands the frames of one camera over, and logs why images are refused.

    All methods belong to the executor's thread: to destroy a subscription in another one while
    the executor looks at it is a race.
    """

    def __init__(
        self,
        node: Node,
        config: VggtConfig,
        add_frame: Callable[[UndecodedFrame], None],
        count_refused: Callable[[str], None],
    ) -> None:
        """Do not subscribe yet.

        Args:
            node: Owns the subscriptions.
            config: The settings; `input` and `frames` are used.
            add_frame: Takes a frame or raises InputError and counts it itself.
            count_refused: Counts an image that never became a frame, by reason.
        """
        self._node = node
        self._settings = config.input
        self._add_frame = add_frame
        self._count_refused = count_refused
        self._images = ImageInput(config.frames.camera)
        self._image_topic = node.resolve_topic_name('image')
        self._info_topic = node.resolve_topic_name('camera_info')
        self._gate = self._new_gate()
        logger = node.get_logger()
        # rclpy refuses a line of code that logs at two severities: each has a line of its own.
        self._refusals = ThrottledLog(lambda text: logger.error(text))
        self._silence = ThrottledLog(lambda text: logger.warning(text), period_s=_REMINDER_S)
        self._subscriptions: list[Subscription] = []
        self._last_image_s = 0.0
        self._has_images = False

    def subscribe(self) -> None:
        """Start taking images."""
        reliability = ReliabilityPolicy.BEST_EFFORT
        if self._settings.qos_reliability == 'reliable':
            reliability = ReliabilityPolicy.RELIABLE
        qos = QoSProfile(depth=self._settings.qos_depth, reliability=reliability)
        self._gate = self._new_gate()
        self._last_image_s = time.monotonic()
        self._has_images = False
        create = self._node.create_subscription
        if self._settings.use_camera_info:  # first: who waits for both sees the image's last
            self._subscriptions.append(create(CameraInfo, 'camera_info', self._on_info, qos))
        self._subscriptions.append(create(Image, 'image', self._on_image, qos))

    def unsubscribe(self) -> None:
        """Stop taking images; again is harmless."""
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop())

    def check(self) -> None:
        """Warn if images should come and do not; call now and then."""
        silence_s = time.monotonic() - self._last_image_s
        if not self._subscriptions or silence_s < _SILENCE_S:
            return
        num_publishers = self._node.count_publishers(self._image_topic)
        advice = 'check its name: ros2 topic list' if not num_publishers else 'ros2 topic hz'
        self._silence.log(
            'no_images',
            f'nothing on {self._image_topic} for {silence_s:.0f} s; it has {num_publishers} '
            f'publishers ({advice})',
        )

    def _new_gate(self) -> CalibrationGate:
        return CalibrationGate(self._expects_calibration, self._on_overflow)

    def _expects_calibration(self) -> bool:
        return self._settings.use_camera_info and self._node.count_publishers(self._info_topic) > 0

    def _on_image(self, message: Image) -> None:
        self._last_image_s = time.monotonic()
        for image in self._gate.images(message):
            self._take(image)

    def _on_info(self, message: CameraInfo) -> None:
        for image in self._gate.calibrate(message):
            self._take(image)

    def _on_overflow(self) -> None:
        self._refuse(
            InputError(
                'no_camera_info',
                f'images come but {self._info_topic} is silent though it has a publisher; '
                'check that its reliability matches, or set input.use_camera_info to false',
            )
        )

    def _take(self, message: Image) -> None:
        try:
            frame = self._images.frame(message, self._gate.calibration)
        except InputError as error:
            self._refuse(error)
            return
        try:
            self._add_frame(frame)
        except InputError as error:  # counted where it was raised
            self._refusals.log(error.reason, str(error))
            return
        if not self._has_images:
            self._has_images = True
            self._announce(message, frame)

    def _refuse(self, error: InputError) -> None:
        self._count_refused(error.reason)
        self._refusals.log(error.reason, str(error))

    def _announce(self, message: Image, frame: UndecodedFrame) -> None:
        calibration = 'not calibrated' if frame.K is None else f'calibrated, fx {frame.K[0, 0]:g}'
        self._node.get_logger().info(
            f'images of {message.width} x {message.height} {message.encoding} from '
            f'{self._image_topic} in {frame.camera_frame}, {calibration}'
        )
