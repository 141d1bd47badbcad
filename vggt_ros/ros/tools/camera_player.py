"""Node `camera_player`: a folder of images, a video or the synthetic walk as a camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import itertools
import os
import sys
import time

import cv2
import rclpy
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from vggt_ros.errors import SourceError, VggtRosError
from vggt_ros.ros.middleware.messages import camera_info, header_of, rgb_image
from vggt_ros.ros.middleware.parameters import ParameterServer
from vggt_ros.ros.middleware.shutdown import init, shutdown, until_shutdown
from vggt_ros.ros.tools.player_config import PlayerConfig
from vggt_ros.sources.open import open_source
from vggt_ros.sources.source import Source, SourceFrame

_DEPTH = 10
_POLL_S = 0.05
_PROGRESS_PERIOD_S = 5.0
# The last image is on its way when the loop is done: at most so long until it has arrived, and
# so long until what arrived was read.
_DELIVERY_S, _FAREWELL_S = 5.0, 0.5
_DEFAULT_PERIOD_NS = 100_000_000
_NS_PER_S = 1e9


class CameraPlayer(Node):
    """Publishes the frames of a source as a camera would.

    Publishes: /camera/image_raw (sensor_msgs/Image rgb8), /camera/camera_info where the
    intrinsics are known, /camera/image_raw/compressed if asked for.
    """

    def __init__(self) -> None:
        """Open the input.

        Raises:
            ConfigError: A parameter is unknown or out of range.
            SourceError: The input cannot be read.
        """
        super().__init__('camera_player')
        self._config = ParameterServer(self, PlayerConfig(), lambda _: None).config
        self._source = _open(self._config)
        reliability = ReliabilityPolicy.RELIABLE
        if self._config.reliability == 'best_effort':
            reliability = ReliabilityPolicy.BEST_EFFORT
        qos = QoSProfile(depth=_DEPTH, reliability=reliability)
        self._qos = qos
        self._images = self.create_publisher(Image, '/camera/image_raw', qos)
        self._infos: Publisher | None = None
        self._compressed = None
        if self._config.compressed:
            topic = f'{self._images.topic_name}/compressed'
            self._compressed = self.create_publisher(CompressedImage, topic, qos)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def play(self) -> None:
        """Publish until the input or the context ends.

        Raises:
            SourceError: A file cannot be read, or there is no subscriber.
        """
        # The first frame is made before the clock starts: it may take a moment.
        frames = _endless(self._source) if self._config.loop else iter(self._source)
        first = next(frames, None)
        if first is None:
            raise SourceError(f'{self._config.input} holds no image; give another input')
        if first.K is not None:  # who finds this publisher waits for what it will send
            self._infos = self.create_publisher(CameraInfo, '/camera/camera_info', self._qos)
        self._wait_for_subscribers()
        self._spin_until(lambda: False, self._config.start_delay)
        start_ns = self.get_clock().now().nanoseconds
        start_s = time.monotonic()
        number = 0
        for frame in itertools.chain([first], frames):
            due_s = start_s + frame.stamp_ns / _NS_PER_S
            self._spin_until(lambda: False, due_s - time.monotonic())
            if not self.context.ok():
                return
            is_even = self._config.stamps == 'even'
            now_ns = self.get_clock().now().nanoseconds
            self._publish(frame, start_ns + frame.stamp_ns if is_even else now_ns)
            number += 1
        self.get_logger().info(f'played {number} images')
        if self._config.reliability == 'reliable':
            self._images.wait_for_all_acked(Duration(seconds=_DELIVERY_S))
        self._spin_until(lambda: False, _FAREWELL_S)

    def _wait_for_subscribers(self) -> None:
        wanted, topic = self._config.wait_for_subscribers, self._images.topic_name
        started_s = reported_s = time.monotonic()

        def enough() -> bool:
            nonlocal reported_s
            found = self._num_subscribers()
            if found < wanted and time.monotonic() - reported_s > _PROGRESS_PERIOD_S:
                reported_s = time.monotonic()
                self.get_logger().info(
                    f'{topic} has {found} of {wanted} subscribers after '
                    f'{reported_s - started_s:.0f} s'
                )
            return found >= wanted

        if not self._spin_until(enough, self._config.wait_timeout) and self.context.ok():
            raise SourceError(
                f'{topic} has {self._num_subscribers()} subscribers after '
                f'{self._config.wait_timeout:g} s, fewer than wait_for_subscribers '
                f'({wanted}); start the node, or set wait_for_subscribers to 0'
            )

    def _num_subscribers(self) -> int:
        number = self._images.get_subscription_count()
        if self._compressed is not None:
            number += self._compressed.get_subscription_count()
        return number

    def _spin_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Serve parameters and the clock until the condition holds or the time is up."""
        deadline_s = time.monotonic() + timeout_s
        while self.context.ok() and not condition():
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0.0:
                return False
            self._executor.spin_once(timeout_sec=min(remaining_s, _POLL_S))
        return self.context.ok()

    def _publish(self, frame: SourceFrame, stamp_ns: int) -> None:
        header = header_of(stamp_ns, self._config.frame_id)
        height, width = frame.image.shape[:2]
        if frame.K is not None and self._infos is not None:
            self._infos.publish(camera_info(header, frame.K, width, height))
        self._images.publish(rgb_image(header, frame.image))
        if self._compressed is not None:
            self._compressed.publish(_jpeg(header, frame))


def _open(config: PlayerConfig) -> Source:
    return open_source(
        config.input,
        rate_hz=config.rate or None,
        num_frames=config.num_frames or None,
        width=config.width,
        height=config.height,
        seed=config.seed,
    )


def _endless(source: Source) -> Iterator[SourceFrame]:
    """Repeat a source; stamps go on one frame after the last."""
    period_ns = round(_NS_PER_S / source.rate_hz) if source.rate_hz else _DEFAULT_PERIOD_NS
    offset_ns = 0
    while True:
        last_ns = None
        for frame in source:
            last_ns = offset_ns + frame.stamp_ns
            yield SourceFrame(
                image=frame.image, stamp_ns=last_ns, K=frame.K, world_from_cam=frame.world_from_cam
            )
        if last_ns is None:
            return
        offset_ns = last_ns + period_ns


def _jpeg(header: Header, frame: SourceFrame) -> CompressedImage:
    is_encoded, jpeg = cv2.imencode('.jpg', cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
    assert is_encoded, 'every uint8 image can be a JPEG'
    message = CompressedImage(header=header, format='rgb8; jpeg compressed bgr8')
    message.data.frombytes(jpeg.data)
    return message


def main() -> int:
    """Play until the end, SIGINT or SIGTERM; return 1 if the input cannot be played."""
    # A rendered frame is many small steps: more threads cost more than they bring, and the node
    # needs the cores. Read when torch is loaded, which only the walk does.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    init()
    try:
        with until_shutdown():
            player = CameraPlayer()
            player.play()
    except VggtRosError as error:
        rclpy.logging.get_logger('camera_player').fatal(str(error))
        return 1
    finally:
        shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
