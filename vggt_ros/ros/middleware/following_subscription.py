"""A subscription that asks each publisher for what it offers, with a queue that fits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
import time
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from vggt_ros.ros.middleware.duplicates import Duplicates
from vggt_ros.ros.middleware.loss_report import Link, loss_line, LossMeter
from vggt_ros.ros.middleware.offers import Offer, requests_for
from vggt_ros.ros.middleware.payload import message_bytes
from vggt_ros.ros.middleware.qos_events import QosEvents, UnsupportedEventTypeError
from vggt_ros.ros.middleware.queue_depth import FIRST_DEPTH, queue_depth
from vggt_ros.ros.middleware.rate import Rate
from vggt_ros.ros.middleware.stamps import ns_from_stamp
from vggt_ros.ros.middleware.topic_names import node_of
from vggt_ros.ros.middleware.topic_types import similar_topics, type_name, wrong_type
from vggt_ros.ros.middleware.transport import COMPRESSED_SUFFIX
from vggt_ros.settings.input_config import InputSettings

_PERIOD_S = 0.2
# What the queue of a busy node still holds is read within this time.
_READ_S = 10.0
# The rate is known.
_MEASURED_S = 2.0
# Of an identifier of Fast DDS: 2 bytes for the maker, 2 for the machine.
_MACHINE_BYTES = 4
_FAST_DDS = bytes((1, 15))


@dataclass(slots=True, kw_only=True)
class _Ear:
    """One subscription."""

    key: int
    offer: Offer
    depth: int
    subscription: Subscription


class FollowingSubscription:
    """Hears every publisher of a topic, those that come later, too, and notices what is lost.

    Where the publishers differ there are several subscriptions; a message that comes over two of
    them is handed over once. One that is replaced ends before the next begins, although what is
    sent in between is lost: where a process has several readers of a topic, and one comes or goes
    while messages in fragments (above 64 kB) are on their way, Fast DDS 3.2 now and then never
    returns from a take, and the node stands still (the stack is that of
    https://github.com/eProsima/Fast-DDS/issues/6500). All methods belong to the executor's
    thread.

    Attributes:
        num_received: Messages that were handed over, since the beginning.
        loss_share: Part of the messages that were lost when `loss` was called last, 0..1.
        last_s: When the last message came, or `subscribe` was called; monotonic seconds.
    """

    def __init__(
        self,
        node: Node,
        kind: type,
        name: str,
        callback: Callable[[Any], None],
        settings: InputSettings,
        events: QosEvents,
        *,
        is_compressible: bool = True,
    ) -> None:
        """Do not subscribe yet.

        Args:
            node: Owns the subscriptions.
            kind: Type of the messages; they have a header.
            name: Of the topic, as the node calls it.
            callback: Takes the messages.
            settings: `input.qos_reliability`, `input.qos_durability` and `input.qos_depth`.
            events: Told of publishers that nothing can be received from.
            is_compressible: Whether the node could read the same from a compressed topic.
        """
        self.topic = node.resolve_topic_name(name)
        self.num_received = 0
        self.loss_share = 0.0
        self.last_s = time.monotonic()
        self._node = node
        self._kind = kind
        self._name = name
        self._callback = callback
        self._settings = settings
        self._events = events
        self._is_compressible = is_compressible
        self._ears: list[_Ear] = []
        self._keys = count()
        self._timer: Timer | None = None
        self._reset()

    def subscribe(self) -> None:
        """Start listening."""
        self._reset()
        self.last_s = self._since_s = time.monotonic()
        self._follow()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self._node.create_timer(_PERIOD_S, self._follow, clock=steady)

    def unsubscribe(self) -> None:
        """Stop listening; again is harmless."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None
        while self._ears:
            self._end(self._ears[-1])

    @property
    def rate_hz(self) -> float:
        """Messages a second, lately."""
        return self._rate.update(time.monotonic(), self.num_received)

    @property
    def problem(self) -> str:
        """Why publishers cannot be heard; empty if they can."""
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        types = (each.topic_type for each in publishers)
        # A topic with the suffix of its transport is not what is remapped.
        name = self._name.removesuffix(COMPRESSED_SUFFIX)
        wrong = wrong_type(self.topic, types, type_name(self._kind), name)
        return wrong or self._events.problems.get(self.topic, '')

    @property
    def publishers(self) -> tuple[str, ...]:
        """Full names of the nodes that publish, once for every publisher, sorted."""
        known = self._node.get_publishers_info_by_topic(self.topic)
        return tuple(sorted(map(node_of, known)))

    def similar(self) -> tuple[str, ...]:
        """Return topics that could have been meant instead, see `similar_topics`."""
        own = f'{self._node.get_fully_qualified_name()}/'
        published = (
            (topic, types)
            for topic, types in self._node.get_topic_names_and_types()
            if not topic.startswith(own) and self._node.count_publishers(topic)
        )
        is_auto = self._is_compressible and self._settings.transport == 'auto'
        return similar_topics(self.topic, published, type_name(self._kind), is_auto=is_auto)

    def loss(self) -> str:
        """Return a line about messages that are lost, and what would help; empty for none.

        Call it once a second or so.
        """
        losses = self._meter.losses()
        self.loss_share = losses.share
        if not losses.num_lost:
            return ''
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        if publishers:
            self._link = self._link_to(publishers)
        return loss_line(self.topic, losses, self._link)

    def _link_to(self, publishers: Sequence[Any]) -> Link:
        own = {
            _machine(each)
            for each in self._node.get_subscriptions_info_by_topic(self.topic)
            if each.node_name == self._node.get_name()
        }
        machines = {_machine(each) for each in publishers}
        is_known = None not in machines | own
        return Link(
            is_offered_reliable=all(_offer(each).is_reliable for each in publishers),
            is_asked_reliable=any(each.offer.is_reliable for each in self._ears),
            is_local=machines <= own if own and is_known else None,
            is_compressible=self._is_compressible,
        )

    def _reset(self) -> None:
        self._meter = LossMeter()
        self._link = Link(is_offered_reliable=False, is_asked_reliable=False, is_local=None)
        self._duplicates = Duplicates()
        self._gone: deque[tuple[float, int]] = deque()
        self._rate = Rate()
        self._num_bytes = 0
        self._depth = self._settings.qos_depth or FIRST_DEPTH
        self._since_s = time.monotonic()

    def _follow(self) -> None:
        """Ask for what the publishers offer now."""
        now_s = time.monotonic()
        self._measure_depth(now_s)
        self._forget(now_s)
        offers = [_offer(each) for each in self._node.get_publishers_info_by_topic(self.topic)]
        wanted = requests_for(
            offers,
            [each.offer for each in self._ears],
            self._settings.qos_reliability,
            self._settings.qos_durability,
        )
        for each in list(self._ears):
            if each.offer not in wanted or each.depth != self._depth:
                self._drain(each)
                self._end(each)
        heard = {each.offer for each in self._ears}
        for offer in sorted(wanted - heard, key=lambda each: each.is_reliable):
            self._listen(offer)

    def _end(self, ear: _Ear) -> None:
        self._ears.remove(ear)
        self._node.destroy_subscription(ear.subscription)
        self._gone.append((time.monotonic(), ear.key))
        # What is sent until the next one is found is not lost on the way.
        self._meter = LossMeter()

    def _forget(self, now_s: float) -> None:
        while self._gone and now_s - self._gone[0][0] > _READ_S:
            self._duplicates.forget(self._gone.popleft()[1])

    def _measure_depth(self, now_s: float) -> None:
        rate_hz = self.rate_hz
        if not self._settings.qos_depth and self._num_bytes:
            # Too large a queue is made shorter at once.
            is_measured = now_s - self._since_s >= _MEASURED_S
            measured_hz = rate_hz if is_measured else 0.0
            self._depth = queue_depth(measured_hz, self._num_bytes, self._depth)

    def _listen(self, offer: Offer) -> None:
        qos = QoSProfile(
            depth=self._depth,
            reliability=(
                ReliabilityPolicy.RELIABLE if offer.is_reliable else ReliabilityPolicy.BEST_EFFORT
            ),
            durability=(
                DurabilityPolicy.TRANSIENT_LOCAL if offer.is_latched else DurabilityPolicy.VOLATILE
            ),
        )
        key = next(self._keys)
        chosen = {
            'reliability': self._settings.qos_reliability,
            'durability': self._settings.qos_durability,
        }
        followed = [policy for policy, value in chosen.items() if value == 'auto']

        def create(on_lost: Callable[[int], None] | None) -> Subscription:
            return self._node.create_subscription(
                self._kind,
                self._name,
                partial(self._on_message, key),
                qos,
                event_callbacks=self._events.of_subscription(
                    self.topic, on_lost=on_lost, followed=followed
                ),
            )

        try:
            subscription = create(partial(self._on_lost, offer))
        except UnsupportedEventTypeError:  # this middleware does not say what it loses
            subscription = create(None)
        self._ears.append(_Ear(key=key, offer=offer, depth=self._depth, subscription=subscription))

    def _on_lost(self, offer: Offer, number: int) -> None:
        # What a best-effort subscription misses comes over the reliable one beside it.
        if offer.is_reliable or not any(each.offer.is_reliable for each in self._ears):
            self._meter.report(number)

    def _drain(self, ear: _Ear) -> None:
        """Hand over what waits in the queue of an ear that is to end."""
        for _ in range(ear.depth):
            with ear.subscription.handle:
                taken = ear.subscription.handle.take_message(self._kind, False)
            if taken is None:
                return
            self._on_message(ear.key, taken[0])

    def _on_message(self, source: int, message: Any) -> None:
        stamp_ns = ns_from_stamp(message.header.stamp)
        if self._duplicates.is_duplicate((stamp_ns, message.header.frame_id), source):
            return
        self.last_s = time.monotonic()
        self.num_received += 1
        num_bytes = message_bytes(message)
        self._num_bytes = max(self._num_bytes, num_bytes, 1)
        self._meter.receive(stamp_ns, num_bytes)
        self._callback(message)


def _offer(endpoint: Any) -> Offer:
    qos = endpoint.qos_profile
    return Offer(
        is_reliable=qos.reliability == ReliabilityPolicy.RELIABLE,
        is_latched=qos.durability == DurabilityPolicy.TRANSIENT_LOCAL,
    )


def _machine(endpoint: Any) -> bytes | None:
    """Return what Fast DDS calls the machine of an endpoint, None of other middleware."""
    found = bytes(endpoint.endpoint_gid)[:_MACHINE_BYTES]
    return found if found.startswith(_FAST_DDS) else None
