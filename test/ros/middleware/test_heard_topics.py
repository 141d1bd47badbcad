"""One subscription for each topic, over the real middleware."""

import pytest
from sensor_msgs.msg import CameraInfo

from vggt_ros.ros.middleware import queue_depth
from vggt_ros.ros.middleware.messages import header_of
from vggt_ros.ros.middleware.payload import message_bytes

pytestmark = pytest.mark.ros


@pytest.fixture
def publish(make_node):
    publisher = make_node('talker').create_publisher(CameraInfo, 'info', 10)

    def send(stamp_ns):
        publisher.publish(CameraInfo(header=header_of(stamp_ns, 'cam')))

    send.subscriptions = publisher.get_subscription_count
    return send


def test_all_listeners_hear_and_the_topic_is_subscribed_to_once(make_node, publish):
    node = make_node('listener')
    topics = make_node.context(node).topics
    first, second = [], []
    heard = topics.hear(CameraInfo, 'info', first.append)
    # The same topic by another name.
    other = topics.hear(CameraInfo, '/info', second.append)
    assert heard.subscription is other.subscription
    assert make_node.spin(lambda: publish.subscriptions() == 1)
    publish(5)
    assert make_node.spin(lambda: first and second)
    assert first == second

    heard.end()
    heard.end()
    publish(6)
    assert make_node.spin(lambda: len(second) == 2)
    assert len(first) == 1
    other.end()
    assert make_node.spin(lambda: publish.subscriptions() == 0)


def test_a_topic_that_was_left_can_be_heard_again(make_node, publish):
    topics = make_node.context(make_node('listener')).topics
    topics.hear(CameraInfo, 'info', print).end()
    found = []
    topics.hear(CameraInfo, 'info', found.append)
    assert make_node.spin(lambda: publish.subscriptions() == 1)
    publish(7)
    assert make_node.spin(lambda: found)


def test_there_is_never_more_than_one_reader(make_node, publish, monkeypatch):
    """With more Fast DDS may hang."""
    size = message_bytes(CameraInfo(header=header_of(0, 'cam')))
    monkeypatch.setattr(queue_depth, '_MAX_BYTES', 7 * size)
    topics = make_node.context(make_node('listener')).topics
    found, numbers = [], set()
    heard = [topics.hear(CameraInfo, 'info', found.append) for _ in range(3)]
    for stamp_ns in range(1, 101):  # a reader with another queue comes here
        publish(stamp_ns)
        make_node.spin(lambda: False, 0.02)
        numbers.add(publish.subscriptions())
    assert max(numbers) == 1
    assert {ear.depth for ear in heard[0].subscription._ears} == {7}
    assert len(found) > 3 * 50
