"""Endpoints whose quality of service does not match: nothing is sent between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.qos import qos_policy_name_from_kind

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks


class QosEvents:
    """Makes the callbacks of endpoints and remembers what they say; of the executor's thread.

    Attributes:
        problems: By topic, which policy does not match; for as long as the node lives, because the
            middleware does not say when the other endpoint goes.
    """

    def __init__(self, warn: Callable[[str], object]) -> None:
        """Remember nothing yet.

        Args:
            warn: Told each problem once.
        """
        self.problems: dict[str, str] = {}
        self._warn = warn

    def of_subscription(self, topic: str) -> SubscriptionEventCallbacks:
        """Return callbacks for a subscription to a topic."""
        return SubscriptionEventCallbacks(
            incompatible_qos=lambda event: self._note(
                topic, event, 'a publisher offers less than the node asks for', 'received from it'
            )
        )

    def of_publisher(self, topic: str) -> PublisherEventCallbacks:
        """Return callbacks for a publisher of a topic."""
        return PublisherEventCallbacks(
            incompatible_qos=lambda event: self._note(
                topic, event, 'a subscriber asks for more than the node offers', 'sent to it'
            )
        )

    def _note(self, topic: str, event: Any, what: str, consequence: str) -> None:
        policy = qos_policy_name_from_kind(event.last_policy_kind).lower()
        text = f'{topic}: {what} ({policy}); nothing is {consequence}'
        if self.problems.get(topic) != text:
            self.problems[topic] = text
            self._warn(f'{text}: give both the same {policy}')
