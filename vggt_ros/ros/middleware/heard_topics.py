"""The topics that a node hears: one subscription for each, whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from vggt_ros.ros.middleware.following_subscription import FollowingSubscription
from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.settings.input_config import InputSettings

Callback = Callable[[Any], None]


class HeardTopic:
    """What one listener has of a topic.

    Attributes:
        subscription: Which others may share.
    """

    def __init__(
        self, subscription: FollowingSubscription, listeners: list[Callback], callback: Callback
    ) -> None:
        """Listen; made by `HeardTopics` only.

        Args:
            subscription: To the topic.
            listeners: All that share it.
            callback: Takes the messages.
        """
        self.subscription = subscription
        self._listeners = listeners
        self._callback: Callback | None = callback
        if not listeners:
            subscription.subscribe()
        listeners.append(callback)

    def end(self) -> None:
        """Stop listening; again is harmless. The last one to stop ends the subscription."""
        if self._callback is None:
            return
        self._listeners.remove(self._callback)
        self._callback = None
        if not self._listeners:
            self.subscription.unsubscribe()


class HeardTopics:
    """Subscribes to each topic once: depth and images may have one calibration.

    Two readers of a topic in one process are not safe, see `FollowingSubscription`. All methods
    belong to the executor's thread.
    """

    def __init__(self, node: Node, settings: InputSettings, qos_events: QosEvents) -> None:
        """Hear nothing yet.

        Args:
            node: Owns the subscriptions.
            settings: How topics are subscribed to.
            qos_events: Told of publishers that nothing can be received from.
        """
        self._node = node
        self._settings = settings
        self._qos_events = qos_events
        self._heard: dict[tuple[str, type], tuple[FollowingSubscription, list[Callback]]] = {}

    def hear(
        self, kind: type, name: str, callback: Callback, *, is_compressible: bool = True
    ) -> HeardTopic:
        """Start to listen; the arguments are those of `FollowingSubscription`.

        Listeners of one topic get the same messages, in the order in which they came.
        """
        key = self._node.resolve_topic_name(name), kind
        if key not in self._heard:
            self._heard[key] = self._shared(kind, name, is_compressible=is_compressible)
        return HeardTopic(*self._heard[key], callback)

    def _shared(
        self, kind: type, name: str, *, is_compressible: bool
    ) -> tuple[FollowingSubscription, list[Callback]]:
        listeners: list[Callback] = []

        def tell(message: Any) -> None:
            for each in list(listeners):
                each(message)

        subscription = FollowingSubscription(
            self._node,
            kind,
            name,
            tell,
            self._settings,
            self._qos_events,
            is_compressible=is_compressible,
        )
        return subscription, listeners
