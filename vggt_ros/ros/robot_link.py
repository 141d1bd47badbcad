"""Everything between the node and the rest of the robot: TF both ways, and a depth camera."""

from __future__ import annotations

from rclpy.node import Node

from vggt_ros.config import VggtConfig
from vggt_ros.mapping.frame import Frame, UndecodedFrame
from vggt_ros.ros.depth_input import DepthInput
from vggt_ros.ros.log_text import safe_line
from vggt_ros.ros.qos_events import QosEvents
from vggt_ros.ros.tf_listener import TfListener
from vggt_ros.ros.tf_publisher import MapBroadcaster
from vggt_ros.ros.tf_robot import TfRobot


class RobotLink:
    """Owns what listens and broadcasts; made and closed by the executor's thread.

    Attributes:
        robot: Answers what is known of the camera.
        broadcaster: Tells where the map is.
    """

    def __init__(self, node: Node, config: VggtConfig, qos_events: QosEvents) -> None:
        """Listen to TF; broadcast nothing yet.

        Args:
            node: Owns the endpoints.
            config: The settings.
            qos_events: Told of publishers that nothing can be received from.
        """
        self._listener = TfListener(node, config.tf.cache_time)
        listener = self._listener
        self._depth = DepthInput(
            node,
            config.input,
            qos_events,
            # The cameras are fixed to each other, as a rule: nothing to wait for.
            lambda target, source, stamp_ns: listener.lookup(target, source, stamp_ns, 0.0),
        )
        self._wants_depth = config.scale.source in ('auto', 'depth')
        self.robot = TfRobot(
            self._listener,
            config.frames,
            config.tf,
            self._depth.depth_m,
            lambda line: node.get_logger().warning(safe_line(line)),
        )
        self.broadcaster = MapBroadcaster(
            node, config.tf, config.frames, self.robot, self._listener.parents.other_parent
        )

    def subscribe(self) -> None:
        """Take depth images."""
        if self._wants_depth:
            self._depth.subscribe()

    def unsubscribe(self) -> None:
        """Take no more depth images; again is harmless."""
        self._depth.unsubscribe()

    def note_frame(self, frame: Frame | UndecodedFrame) -> None:
        """Remember what a camera sees: depth is registered to it."""
        self._depth.note_frame(frame)

    @property
    def problems(self) -> list[str]:
        """What is in the way of depth, a line each."""
        return self._depth.problems

    def forget(self) -> None:
        """Forget where the robot was: time has begun again."""
        self._listener.forget()

    def close(self) -> None:
        """Stop everything."""
        self.unsubscribe()
        self.broadcaster.close()
        self._listener.close()
