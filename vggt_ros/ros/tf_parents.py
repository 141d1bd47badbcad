"""Who says that a frame is its child: TF allows one parent, and tells nobody about a second."""

from __future__ import annotations

import threading
import time

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from tf2_msgs.msg import TFMessage

# A parent that was not named for so long has gone; a static one stays.
_FORGET_S = 5.0
_DEPTH = 100


class TfParents:
    """Listens to /tf and /tf_static, and remembers the parents of every frame."""

    def __init__(self, node: Node) -> None:
        """Start listening.

        Args:
            node: Its thread runs the callbacks; any thread may ask.
        """
        self._lock = threading.Lock()
        self._seen_s: dict[str, dict[str, float]] = {}
        reliable = ReliabilityPolicy.RELIABLE
        qos = QoSProfile(depth=_DEPTH, reliability=reliable)
        latched = QoSProfile(
            depth=_DEPTH, reliability=reliable, durability=DurabilityPolicy.TRANSIENT_LOCAL
        )
        node.create_subscription(TFMessage, '/tf', self._on_moving, qos)
        node.create_subscription(TFMessage, '/tf_static', self._on_static, latched)

    def other_parent(self, child: str, parent: str) -> str | None:
        """Return a parent of a frame beside the one given, None if there is none.

        Args:
            child: The frame.
            parent: Who may be its parent.
        """
        now_s = time.monotonic()
        with self._lock:
            for name, seen_s in self._seen_s.get(child, {}).items():
                if name != parent and now_s - seen_s < _FORGET_S:
                    return name
        return None

    def _on_moving(self, message: TFMessage) -> None:
        self._note(message, time.monotonic())

    def _on_static(self, message: TFMessage) -> None:
        self._note(message, float('inf'))

    def _note(self, message: TFMessage, seen_s: float) -> None:
        with self._lock:
            for each in message.transforms:
                parents = self._seen_s.setdefault(each.child_frame_id, {})
                name = each.header.frame_id
                parents[name] = max(seen_s, parents.get(name, seen_s))
