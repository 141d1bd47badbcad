"""Publishers of all kinds, over the real middleware, and what is heard of them."""

from collections import Counter
import time

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from vggt_ros.ros.middleware import queue_depth
from vggt_ros.ros.middleware.following_subscription import FollowingSubscription
from vggt_ros.ros.middleware.messages import header_of, rgb_image
from vggt_ros.ros.middleware.payload import message_bytes
from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.settings.input_config import InputSettings

pytestmark = pytest.mark.ros

PERIOD_NS = 20_000_000
PIXELS = np.zeros((4, 6, 3), np.uint8)
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


class Listener:
    def __init__(self, make_node, kind=Image, **settings):
        self.node = make_node('listener')
        self.stamps, self.warnings = [], []
        self.topic = '/image' if kind is Image else '/camera_info'
        self.subscription = FollowingSubscription(
            self.node,
            kind,
            self.topic.lstrip('/'),
            lambda message: self.stamps.append(message.header.stamp.nanosec),
            InputSettings(**settings),
            QosEvents(self.warnings.append),
        )
        self.subscription.subscribe()

    @property
    def asked(self):
        found = self.node.get_subscriptions_info_by_topic(self.topic)
        return {(each.qos_profile.reliability, each.qos_profile.durability) for each in found}


@pytest.fixture
def listen(make_node):
    made = []

    def make(*args, **settings):
        made.append(Listener(make_node, *args, **settings))
        return made[-1]

    yield make
    for each in made:
        each.subscription.unsubscribe()


@pytest.fixture
def talk(make_node):
    """Make a publisher in a node of its own; it sends stamps at 50 Hz with `send`."""
    node = make_node('talker')

    class Talker:
        def __init__(self, qos, kind=Image):
            self.topic = 'image' if kind is Image else 'camera_info'
            self.kind = kind
            self.publisher = node.create_publisher(kind, self.topic, qos)

        def publish(self, stamp_ns):
            header = header_of(stamp_ns, 'cam')
            if self.kind is Image:
                self.publisher.publish(rgb_image(header, PIXELS))
            else:
                self.publisher.publish(CameraInfo(header=header))

        def send(self, stamps):
            for stamp_ns in stamps:
                self.publish(int(stamp_ns))
                make_node.spin(lambda: False, 0.02)

        def is_found(self, number=1):
            return make_node.spin(lambda: self.publisher.get_subscription_count() >= number)

        def end(self):
            node.destroy_publisher(self.publisher)

    return Talker


def kinds(*profiles):
    return {(each.reliability, each.durability) for each in profiles}


@pytest.mark.parametrize('qos', [RELIABLE, BEST_EFFORT, LATCHED])
def test_what_is_asked_for_is_what_the_publisher_offers(make_node, listen, talk, qos):
    talker = talk(qos)
    made = listen()
    assert talker.is_found()
    assert make_node.spin(lambda: made.asked == kinds(qos))
    talker.send(range(1, 6))
    assert make_node.spin(lambda: made.stamps == [1, 2, 3, 4, 5])
    assert not made.warnings


@pytest.mark.parametrize('qos', [RELIABLE, BEST_EFFORT])
def test_a_publisher_that_comes_later_is_followed_without_a_gap(make_node, listen, talk, qos):
    made = listen()
    talker = talk(qos)
    assert talker.is_found()
    # The subscription changes in the middle of this.
    talker.send(range(1, 101))
    assert make_node.spin(lambda: len(made.stamps) == 100)
    assert made.stamps == sorted(made.stamps)
    assert make_node.spin(lambda: made.asked == kinds(qos))
    assert not made.warnings


def test_publishers_that_differ_are_all_heard_and_nothing_twice(make_node, listen, talk):
    reliable, lossy = talk(RELIABLE), talk(BEST_EFFORT)
    made = listen()
    assert make_node.spin(lambda: made.asked == kinds(RELIABLE, BEST_EFFORT))
    assert reliable.is_found(2)
    assert lossy.is_found()
    reliable.send(range(100, 120))
    lossy.send(range(200, 220))
    expected = Counter([*range(100, 120), *range(200, 220)])
    assert make_node.spin(lambda: Counter(made.stamps) == expected), made.stamps
    make_node.spin(lambda: False, 0.3)
    assert Counter(made.stamps) == expected
    assert made.subscription.num_received == 40


def test_a_driver_that_comes_back_as_another_kind_is_heard(make_node, listen, talk):
    first = talk(RELIABLE)
    made = listen()
    assert make_node.spin(lambda: made.asked == kinds(RELIABLE))
    first.end()
    assert make_node.spin(lambda: made.node.count_publishers('/image') == 0)
    second = talk(BEST_EFFORT)
    assert make_node.spin(lambda: made.asked == kinds(BEST_EFFORT))
    assert second.is_found()
    second.send([7])
    assert make_node.spin(lambda: made.stamps == [7])
    assert not made.subscription.problem
    assert not made.warnings


@pytest.mark.parametrize('is_late', [True, False])
def test_what_was_published_once_before_is_received(make_node, listen, talk, is_late):
    if is_late:  # the node is there, and has not found the publisher yet
        made = listen(CameraInfo)
        talk(LATCHED, CameraInfo).publish(5)
    else:
        talk(LATCHED, CameraInfo).publish(5)
        make_node.spin(lambda: False, 0.5)
        made = listen(CameraInfo)
    assert make_node.spin(lambda: made.stamps == [5], 5.0)


def test_what_the_user_chose_is_kept_and_what_does_not_match_is_said(make_node, listen, talk):
    talk(BEST_EFFORT)
    made = listen(qos_reliability='reliable')
    assert make_node.spin(lambda: made.subscription.problem)
    assert made.asked == kinds(RELIABLE)


def test_the_queue_is_as_long_as_the_user_says(make_node, listen, talk):
    talker = talk(RELIABLE)
    made = listen(qos_depth=3)
    assert make_node.spin(lambda: made.asked == kinds(RELIABLE))
    assert talker.is_found()
    for stamp_ns in range(20, 40):
        talker.publish(stamp_ns)
    assert make_node.spin(lambda: len(made.stamps) >= 3)
    make_node.spin(lambda: False, 0.2)
    assert made.stamps[-3:] == [37, 38, 39]
    assert len(made.stamps) < 20


def test_the_queue_shrinks_for_large_messages_and_nothing_is_doubled_or_blamed(
    make_node, listen, talk, monkeypatch
):
    size = message_bytes(rgb_image(header_of(0, 'cam'), PIXELS))
    monkeypatch.setattr(queue_depth, '_MAX_BYTES', 7 * size)
    talker = talk(RELIABLE)
    made = listen()
    assert talker.is_found()
    # The subscription changes in the middle of this; what is sent until the new one is
    # found is lost.
    talker.send(np.arange(1, 49) * PERIOD_NS)
    make_node.spin(lambda: False, 0.3)
    assert len(made.stamps) > 20
    assert made.stamps == sorted(set(made.stamps))
    assert made.stamps[-1] == 48 * PERIOD_NS
    assert {ear.depth for ear in made.subscription._ears} == {7}
    assert made.subscription.loss() == ''


def test_what_waits_while_the_queue_is_changed_is_not_lost(make_node, listen, talk):
    talker = talk(RELIABLE)
    made = listen()
    assert make_node.spin(lambda: made.asked == kinds(RELIABLE))
    assert talker.is_found()
    talker.send([1])
    for number in range(2, 8):  # these are not read yet
        talker.publish(number)
    time.sleep(0.2)
    made.subscription._depth = 20
    made.subscription._follow()
    assert made.stamps == list(range(1, 8))
    assert make_node.spin(lambda: talker.is_found())
    time.sleep(0.5)  # the new one is found by the publisher
    talker.send(range(8, 12))
    assert make_node.spin(lambda: len(made.stamps) == 11), made.stamps


def test_what_is_lost_is_said_with_its_number(make_node, listen, talk):
    talker = talk(RELIABLE)
    made = listen(qos_depth=2)
    assert make_node.spin(lambda: made.asked == kinds(RELIABLE))
    assert talker.is_found()
    talker.send(np.arange(1, 41) * PERIOD_NS)
    assert made.subscription.loss() == ''
    for number in range(41, 51):  # the node is busy meanwhile; the last two wait for it
        talker.publish(number * PERIOD_NS)
    make_node.spin(lambda: False, 0.3)
    assert made.subscription.loss().startswith('/image: 8 of 50 messages')
    assert 'input.qos_depth' in made.subscription.loss()


def test_after_the_end_nothing_is_asked_for(make_node, listen, talk):
    talk(RELIABLE)
    made = listen()
    made.subscription.unsubscribe()
    made.subscription.unsubscribe()
    assert make_node.spin(lambda: not made.asked)
    make_node.spin(lambda: False, 0.5)
    assert not made.asked
