"""The topics of one camera: subscribed, checked and handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import time

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vggt_ros.errors import InputError
from vggt_ros.mapping.frontend.frame import UndecodedFrame
from vggt_ros.ros.input.calibration import CalibrationReader
from vggt_ros.ros.input.calibration_gate import AnyImage, CalibrationGate
from vggt_ros.ros.input.image_input import ImageInput
from vggt_ros.ros.input.input_report import report_on, TopicReport
from vggt_ros.ros.input.tones import Tones
from vggt_ros.ros.middleware.frame_name import FrameName
from vggt_ros.ros.middleware.heard_topics import HeardTopic
from vggt_ros.ros.middleware.log_text import one_line, safe_line
from vggt_ros.ros.middleware.node_context import NodeContext
from vggt_ros.ros.middleware.tf_clock import SeenImage
from vggt_ros.ros.middleware.throttled_log import ThrottledLog
from vggt_ros.ros.middleware.topic_names import topic_of
from vggt_ros.ros.middleware.transport import choose_transport, COMPRESSED_SUFFIX

# What was refused so long ago, or before so many that were not, is not told again.
_TOLD_S = 5.0
_TOLD_IMAGES = 10


class CameraInput:
    """Hands the frames of one camera over, and logs why images are refused.

    All methods belong to the executor's thread: to destroy a subscription in another one while
    the executor looks at it is a race.

    Attributes:
        newest: When the newest image was taken, None before the first.
    """

    def __init__(
        self,
        context: NodeContext,
        camera: int,
        ids: Iterator[int],
        add_frame: Callable[[UndecodedFrame], None],
        count_refused: Callable[[str], None],
    ) -> None:
        """Do not subscribe yet.

        Args:
            context: What the parts of the node share; `input` and `frames` of the settings are
                used.
            camera: Which camera.
            ids: Numbers for the frames.
            add_frame: Takes a frame or raises InputError and counts it itself.
            count_refused: Counts an image that never became a frame, by reason.
        """
        node, config = context.node, context.config.value
        self.newest: SeenImage | None = None
        self._node = node
        self._settings = config.input
        self._topics = context.topics
        self._add_frame = add_frame
        self._count_refused = count_refused
        num_cameras = config.input.num_cameras
        self._image_name = topic_of('image', camera, num_cameras)
        self._info_name = topic_of('camera_info', camera, num_cameras)
        self._image_topic = node.resolve_topic_name(self._image_name)
        self._info_topic = node.resolve_topic_name(self._info_name)
        logger = node.get_logger()
        reader = CalibrationReader(
            config.input.rectify, self._image_topic, lambda text: logger.warning(text)
        )
        tones = Tones(
            config.input.bits,
            generic_as_gray=config.input.generic_as_gray,
            notice=lambda line: logger.info(f'{self.topic}: {line}'),
        )
        self._images = ImageInput(
            camera, config.frames.camera, reader, ids, tones, lambda text: logger.warning(text)
        )
        self._info_frame = FrameName(self._info_topic, lambda text: logger.warning(text))
        self._gate = self._new_gate()
        # rclpy refuses a line of code that logs at two severities: each has a line of its own.
        self._refusals = ThrottledLog(lambda text: logger.error(text))
        self._refused: tuple[float, str] | None = None
        self._num_taken = 0  # since then
        self._transport = ''
        self._image_heard: HeardTopic | None = None
        self._info_heard: HeardTopic | None = None
        self._is_announced = False

    @property
    def topic(self) -> str:
        """Full name of the topic that images are read from."""
        suffix = COMPRESSED_SUFFIX if self._transport == 'compressed' else ''
        return self._image_topic + suffix

    @property
    def refusal(self) -> str:
        """Why an image was refused a moment ago; empty if none was."""
        if self._refused is None or self._num_taken >= _TOLD_IMAGES:
            return ''
        at_s, line = self._refused
        return line if time.monotonic() - at_s < _TOLD_S else ''

    def subscribe(self) -> None:
        """Start taking images."""
        self._gate = self._new_gate()
        self._is_announced = False
        self.newest = self._refused = None
        if self._settings.use_camera_info:  # first: who waits for both sees the image's last
            self._info_heard = self._topics.hear(CameraInfo, self._info_name, self._on_info)
        self._subscribe_images(self._chosen_transport())

    def unsubscribe(self) -> None:
        """Stop taking images; again is harmless."""
        for heard in (self._info_heard, self._image_heard):
            if heard is not None:
                heard.end()
        self._info_heard = self._image_heard = None

    def check_transport(self) -> None:
        """Change to the transport that has a publisher if the one in use has none."""
        if self._image_heard is None or self._settings.transport != 'auto':
            return
        chosen = self._chosen_transport()
        if chosen != self._transport:
            self._image_heard.end()
            self._subscribe_images(chosen)
            self._node.get_logger().info(f'reading images from {self.topic}')

    def check_calibration(self) -> None:
        """Take the images that have waited for a calibration long enough."""
        if self._image_heard is not None:
            for image in self._gate.overdue():
                self._take(image)

    def reports(self) -> tuple[TopicReport, ...]:
        """Return how the topics are: that of the images and, if used, that of the calibration."""
        if self._image_heard is None:
            return ()
        found = [self._report(self._image_heard, 'image')]
        if self._info_heard is not None:
            found.append(self._report(self._info_heard, 'camera_info'))
        return tuple(found)

    def _report(self, heard: HeardTopic, kind: str) -> TopicReport:
        num_publishers = self._node.count_publishers(heard.subscription.topic)
        return report_on(heard.subscription, kind, num_publishers)

    def _subscribe_images(self, transport: str) -> None:
        self._transport = transport
        kind, name = Image, self._image_name
        if transport == 'compressed':
            # Remapping knows the name without the suffix only.
            kind, name = CompressedImage, self.topic
        self._image_heard = self._topics.hear(kind, name, self._on_image)

    def _chosen_transport(self) -> str:
        return choose_transport(
            self._settings.transport,
            self._transport,
            num_raw=self._node.count_publishers(self._image_topic),
            num_compressed=self._node.count_publishers(self._image_topic + COMPRESSED_SUFFIX),
        )

    def _new_gate(self) -> CalibrationGate:
        return CalibrationGate(self._expects_calibration, self._on_silence)

    def _expects_calibration(self) -> bool:
        return self._settings.use_camera_info and self._node.count_publishers(self._info_topic) > 0

    def _on_image(self, message: AnyImage) -> None:
        for image in self._gate.images(message):
            self._take(image)

    def _on_info(self, message: CameraInfo) -> None:
        message.header.frame_id = self._info_frame.of(message.header.frame_id)
        for image in self._gate.calibrate(message):
            self._take(image)

    def _on_silence(self) -> None:
        self._node.get_logger().warning(
            f'images come but {self._info_topic} is silent though it has a publisher: they are '
            f'used without a calibration until it speaks; let the driver send it beside each '
            f'image, or set input.use_camera_info to false'
        )

    def _take(self, message: AnyImage) -> None:
        try:
            frame = self._images.frame(message, self._gate.calibration)
        except InputError as error:
            self._refuse(error)
            return
        self.newest = SeenImage(
            camera_frame=frame.camera_frame, stamp_ns=frame.stamp_ns, at_s=time.monotonic()
        )
        try:
            self._add_frame(frame)
        except InputError as error:  # counted where it was raised
            self._tell(error)
            return
        self._num_taken += 1
        if not self._is_announced:
            self._is_announced = True
            self._announce(message, frame)

    def _refuse(self, error: InputError) -> None:
        self._count_refused(error.reason)
        self._tell(error)

    def _tell(self, error: InputError) -> None:
        line = f'{self.topic}: {error}'
        self._refused = time.monotonic(), safe_line(line)
        self._num_taken = 0
        self._refusals.log(error.reason, line)

    def _announce(self, message: AnyImage, frame: UndecodedFrame) -> None:
        encoding = message.format if isinstance(message, CompressedImage) else message.encoding
        calibration = 'not calibrated' if frame.K is None else f'calibrated, fx {frame.K[0, 0]:g}'
        if frame.rectifier is not None:
            calibration += ', rectified here'
        self._node.get_logger().info(
            f'images of {frame.size[0]} x {frame.size[1]} {one_line(encoding)} from {self.topic} '
            f'in {frame.camera_frame}, {calibration}'
        )
