"""Measured depth images beside the cameras', for the metric scale only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from jaxtyping import Float32
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.ros.input.depth_view import DepthView, Lookup
from vggt_ros.ros.input.input_report import report_on, TopicReport
from vggt_ros.ros.middleware.frame_name import FrameName
from vggt_ros.ros.middleware.heard_topics import HeardTopic, HeardTopics
from vggt_ros.ros.middleware.throttled_log import ThrottledLog
from vggt_ros.ros.middleware.topic_names import info_topic_beside, topic_of


class DepthInput:
    """Keeps the newest images of the topic `depth`, and registers them to the camera's image.

    With several cameras the topics are `depth_0`, `depth_1` and so on. Depth that the driver
    registered (REP 118) is used as it is; other depth needs its calibration, on
    `depth_camera_info` or, as image_transport has it, on camera_info beside the depth, and TF.

    `subscribe` and `unsubscribe` belong to the executor's thread; `depth_m` may be asked anywhere.
    """

    def __init__(
        self,
        node: Node,
        num_cameras: int,
        topics: HeardTopics,
        lookup: Lookup = lambda target, source, stamp_ns: None,
    ) -> None:
        """Do not subscribe yet.

        Args:
            node: Owns the subscriptions.
            num_cameras: How many cameras there are.
            topics: What the node hears.
            lookup: Knows the transforms; called from the threads that ask for depth.
        """
        self._node = node
        self._topics = topics
        self._names = [topic_of('depth', camera, num_cameras) for camera in range(num_cameras)]
        self._infos = [
            self._info_name(name, topic_of('depth_camera_info', camera, num_cameras))
            for camera, name in enumerate(self._names)
        ]
        self._views = [DepthView(node.resolve_topic_name(name), lookup) for name in self._names]
        self._infos_heard: list[HeardTopic] = []
        self._images_heard: list[HeardTopic] = []
        logger = node.get_logger()
        self._frames, self._info_frames = (
            [
                FrameName(node.resolve_topic_name(name), lambda text: logger.warning(text))
                for name in names
            ]
            for names in (self._names, self._infos)
        )
        self._refusals = ThrottledLog(lambda text: logger.error(text))

    @property
    def problems(self) -> list[str]:
        """Why depth that comes does not count, a line for each topic; see `reports`, too."""
        found = [each.subscription.problem for each in self._infos_heard]
        found += [each.problem for each in self._views]
        return [each for each in found if each]

    def reports(self) -> tuple[TopicReport, ...]:
        """Return how the topics of the images are that have a publisher; once a second or so."""
        found = []
        for heard in (each.subscription for each in self._images_heard):
            num_publishers = self._node.count_publishers(heard.topic)
            if num_publishers or heard.num_received:
                found.append(report_on(heard, 'depth', num_publishers))
        return tuple(found)

    def subscribe(self) -> None:
        """Start taking images."""
        for camera, (name, info) in enumerate(zip(self._names, self._infos, strict=True)):
            self._infos_heard.append(self._hear(CameraInfo, info, partial(self._on_info, camera)))
            self._images_heard.append(self._hear(Image, name, partial(self._on_depth, camera)))

    def unsubscribe(self) -> None:
        """Stop, and forget the images; again is harmless."""
        for heard in (self._infos_heard, self._images_heard):
            while heard:
                heard.pop().end()
        for view in self._views:
            view.clear()

    def note_frame(self, frame: Frame | UndecodedFrame) -> None:
        """Remember what a camera sees."""
        self._views[frame.camera].note_frame(frame)

    def depth_m(self, stamp_ns: int, camera: int) -> Float32[np.ndarray, 'h w'] | None:
        """Return the depth nearest to a stamp as the camera sees it, meters, NaN for none.

        Args:
            stamp_ns: Of a camera's image.
            camera: Which camera.

        Returns:
            None if there is none within 20 ms, or it cannot be registered to the image.
        """
        return self._views[camera].depth_m(stamp_ns)

    def _info_name(self, depth: str, info: str) -> str:
        resolved = self._node.resolve_topic_name(info)
        is_remapped = resolved != self._node.resolve_topic_name(info, only_expand=True)
        depth_topic = self._node.resolve_topic_name(depth)
        if is_remapped or depth_topic == self._node.resolve_topic_name(depth, only_expand=True):
            return info
        return info_topic_beside(depth_topic)

    def _hear(self, kind: type, name: str, callback: Callable[[Any], None]) -> HeardTopic:
        return self._topics.hear(kind, name, callback, is_compressible=False)

    def _on_info(self, camera: int, message: CameraInfo) -> None:
        message.header.frame_id = self._info_frames[camera].of(message.header.frame_id)
        self._views[camera].note_info(message)

    def _on_depth(self, camera: int, message: Image) -> None:
        message.header.frame_id = self._frames[camera].of(message.header.frame_id)
        try:
            self._views[camera].add(message)
        except ValueError as error:
            self._refusals.log('bad_depth', str(error))
