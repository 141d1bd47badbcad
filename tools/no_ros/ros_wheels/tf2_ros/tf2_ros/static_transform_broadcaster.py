"""Sends transforms that never change."""

from __future__ import annotations

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from tf2_msgs.msg import TFMessage


class StaticTransformBroadcaster:
    """Publishes on /tf_static; late listeners get everything that was ever sent."""

    def __init__(self, node: Node, qos: QoSProfile | int | None = None) -> None:
        """Create the publisher; it keeps its last message for late listeners by default."""
        profile = qos
        if profile is None:
            profile = QoSProfile(
                depth=1,
                durability=DurabilityPolicy.TRANSIENT_LOCAL,
                history=HistoryPolicy.KEEP_LAST,
            )
        self.pub_tf = node.create_publisher(TFMessage, '/tf_static', profile)
        self.net_message = TFMessage()

    def sendTransform(self, transform: TransformStamped | list[TransformStamped]) -> None:
        """Publish one transform or several, with all that were sent before."""
        new = transform if isinstance(transform, list) else [transform]
        by_child = {old.child_frame_id: old for old in self.net_message.transforms}
        by_child.update({each.child_frame_id: each for each in new})
        self.net_message = TFMessage(transforms=list(by_child.values()))
        self.pub_tf.publish(self.net_message)
