"""Where the camera is, as TF."""

from __future__ import annotations

from collections.abc import Iterable

from rclpy.node import Node
from tf2_ros import TransformBroadcaster

from vggt_ros.mapping.map_update import FrameResult
from vggt_ros.ros.messages import header_of, transform


class CameraBroadcaster:
    """Broadcasts map -> camera's optical frame at the stamps of the images."""

    def __init__(self, node: Node, map_frame: str) -> None:
        self._broadcaster = TransformBroadcaster(node)
        self._map_frame = map_frame

    def send(self, results: Iterable[FrameResult]) -> None:
        """Send the transform of every frame, oldest first, in one message."""
        self._broadcaster.sendTransform(
            [
                transform(
                    header_of(result.frame.stamp_ns, self._map_frame),
                    result.frame.camera_frame,
                    result.map_from_cam,
                )
                for result in results
            ]
        )
