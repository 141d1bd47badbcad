"""Node context: what the parts of one node share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rclpy.lifecycle import LifecycleNode

from vggt_ros.ros.middleware.heard_topics import HeardTopics
from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.settings.live_config import LiveConfig


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeContext:
    """Made when the node is configured; all of it belongs to the executor's thread but the calls.

    Attributes:
        node: Owns publishers, subscriptions, timers and the log.
        config: The settings in force; the mapper changes them.
        topics: What the node hears.
        qos_events: Told of publishers and subscribers that do not match.
        note_error: Told what a callback of another executor raised; any thread.
        end_with_error: Told why the process has to end; any thread.
    """

    node: LifecycleNode
    config: LiveConfig
    topics: HeardTopics
    qos_events: QosEvents
    note_error: Callable[[Exception], None]
    end_with_error: Callable[[str], None]
