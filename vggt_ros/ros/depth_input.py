"""Measured depth images beside the cameras', for the metric scale only."""

from __future__ import annotations

from collections import deque
from functools import partial
import threading

from jaxtyping import Float32
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image

from vggt_ros.input_config import InputSettings
from vggt_ros.ros.following_subscription import FollowingSubscription
from vggt_ros.ros.qos_events import QosEvents
from vggt_ros.ros.stamps import ns_from_stamp
from vggt_ros.ros.throttled_log import ThrottledLog
from vggt_ros.ros.topic_names import topic_of

# The scale needs no more columns, and ten seconds at 30 Hz of them take 25 MB.
_MAX_WIDTH = 160
_KEPT = 300
# A sensor of its own takes its images at other times; a camera moves little in this one.
_MAX_OFFSET_NS = 20_000_000
_DTYPES = {'32FC1': 'f4', '16UC1': 'u2'}
_MM_PER_M = 1000.0


class DepthInput:
    """Keeps the newest images of the topic `depth`, registered to the camera's image (REP 118).

    With several cameras the topics are `depth_0`, `depth_1` and so on.

    `subscribe` and `unsubscribe` belong to the executor's thread; `depth_m` may be asked anywhere.
    """

    def __init__(self, node: Node, settings: InputSettings, qos_events: QosEvents) -> None:
        """Do not subscribe yet.

        Args:
            node: Owns the subscriptions.
            settings: How many cameras there are, and how topics are subscribed to.
            qos_events: Told of publishers that nothing can be received from.
        """
        self._node = node
        self._settings = settings
        self._qos_events = qos_events
        self._lock = threading.Lock()
        self._images = [
            deque[tuple[int, Float32[np.ndarray, 'h w']]](maxlen=_KEPT)
            for _ in range(settings.num_cameras)
        ]
        self._subscriptions: list[FollowingSubscription] = []
        logger = node.get_logger()
        self._refusals = ThrottledLog(lambda text: logger.error(text))

    def subscribe(self) -> None:
        """Start taking images."""
        for camera in range(len(self._images)):
            topic = topic_of('depth', camera, len(self._images))
            made = FollowingSubscription(
                self._node,
                Image,
                topic,
                partial(self._on_depth, camera),
                self._settings,
                self._qos_events,
            )
            made.subscribe()
            self._subscriptions.append(made)

    def unsubscribe(self) -> None:
        """Stop, and forget the images; again is harmless."""
        while self._subscriptions:
            self._subscriptions.pop().unsubscribe()
        with self._lock:
            for images in self._images:
                images.clear()

    def depth_m(self, stamp_ns: int, camera: int) -> Float32[np.ndarray, 'h w'] | None:
        """Return the depth nearest to a stamp, metres, NaN where there is none.

        Args:
            stamp_ns: Of a camera's image.
            camera: Which camera.

        Returns:
            None if there is none within 20 ms.
        """
        with self._lock:
            images = self._images[camera]
            stamps_ns = [each for each, _ in images]
            if not stamps_ns:
                return None
            nearest = min(range(len(stamps_ns)), key=lambda i: abs(stamps_ns[i] - stamp_ns))
            if abs(stamps_ns[nearest] - stamp_ns) > _MAX_OFFSET_NS:
                return None
            return images[nearest][1]

    def _on_depth(self, camera: int, message: Image) -> None:
        try:
            depth_m = depth_from_image(message)
        except ValueError as error:
            self._refusals.log('bad_depth', str(error))
            return
        with self._lock:
            self._images[camera].append((ns_from_stamp(message.header.stamp), depth_m))


def depth_from_image(message: Image) -> Float32[np.ndarray, 'h w']:
    """Return the depth of an image in metres, thinned to at most 160 columns.

    Args:
        message: 32FC1 in metres, or 16UC1 in millimetres with 0 for none.

    Raises:
        ValueError: Another encoding, or fewer bytes than its size needs.
    """
    if message.encoding not in _DTYPES:
        raise ValueError(
            f'depth has encoding {message.encoding!r}; 32FC1 (metres) and 16UC1 (millimetres) are '
            f'understood'
        )
    dtype = np.dtype(_DTYPES[message.encoding]).newbyteorder('>' if message.is_bigendian else '<')
    height, width, step = message.height, message.width, message.step
    data = np.frombuffer(memoryview(message.data), np.uint8)
    if not (height and width and step >= width * dtype.itemsize and data.size >= height * step):
        raise ValueError(
            f'depth of {width} x {height} {message.encoding} with rows of {step} bytes needs '
            f'{height * step} bytes; got {data.size}'
        )
    rows = data[: height * step].reshape(height, step)[:, : width * dtype.itemsize]
    thin = max(1, -(-width // _MAX_WIDTH))
    picked = rows.view(dtype)[thin // 2 :: thin, thin // 2 :: thin]
    depth_m = picked.astype(np.float32)
    if message.encoding == '16UC1':
        depth_m /= np.float32(_MM_PER_M)
    depth_m[~(np.isfinite(depth_m) & (depth_m > 0))] = np.nan
    return depth_m
