"""Endpoints whose quality of service does not match: nothing is sent between them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from rclpy.qos import qos_policy_name_from_kind

try:
    from rclpy.event_handler import (
        PublisherEventCallbacks,
        SubscriptionEventCallbacks,
        UnsupportedEventTypeError,
    )
except ImportError:  # Humble
    from rclpy.qos_event import (
        PublisherEventCallbacks,
        SubscriptionEventCallbacks,
        UnsupportedEventTypeError,
    )

__all__ = ['QosEvents', 'UnsupportedEventTypeError']


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

    def of_subscription(
        self,
        topic: str,
        *,
        followed: Collection[str] = (),
        on_lost: Callable[[int], None] | None = None,
    ) -> SubscriptionEventCallbacks:
        """Return callbacks for a subscription to a topic.

        Args:
            topic: Its full name.
            followed: Policies, `reliability` or `durability`, that do not have to match because
                publishers that offer others get another subscription.
            on_lost: Told how many messages the middleware lost. What it cannot tell raises
                UnsupportedEventTypeError where the subscription is made.
        """

        def note(event: Any) -> None:
            if _policy(event) not in followed:
                what = 'a publisher offers less than the node asks for'
                self._note(topic, event, what, 'received from it')

        lost = None if on_lost is None else lambda event: on_lost(event.total_count_change)
        return SubscriptionEventCallbacks(incompatible_qos=note, message_lost=lost)

    def of_publisher(self, topic: str) -> PublisherEventCallbacks:
        """Return callbacks for a publisher of a topic."""
        return PublisherEventCallbacks(
            incompatible_qos=lambda event: self._note(
                topic, event, 'a subscriber asks for more than the node offers', 'sent to it'
            )
        )

    def _note(self, topic: str, event: Any, what: str, consequence: str) -> None:
        policy = _policy(event)
        text = f'{topic}: {what} ({policy}); nothing is {consequence}'
        if self.problems.get(topic) != text:
            self.problems[topic] = text
            self._warn(f'{text}: give both the same {policy}')


def _policy(event: Any) -> str:
    return qos_policy_name_from_kind(event.last_policy_kind).lower()
