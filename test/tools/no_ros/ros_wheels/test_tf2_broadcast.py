"""Transforms through DDS, from broadcaster to buffer; the real package passes it, too."""

import os
import time
import warnings

import pytest

rclpy = pytest.importorskip('rclpy')
tf2_ros = pytest.importorskip('tf2_ros')

from geometry_msgs.msg import TransformStamped  # noqa: E402
from rclpy.duration import Duration  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.time import Time  # noqa: E402

pytestmark = pytest.mark.ros

DEADLINE_S = 30.0
TYPE_HASH = 'RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087'
NEWEST = Time()


@pytest.fixture(scope='module', autouse=True)
def own_domain():
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # the parser that rclpy loads is older than Python 3.11
        import rosidl_generator_py  # noqa: F401
    with pytest.MonkeyPatch.context() as environment:
        chosen = {'ROS_DOMAIN_ID': os.environ['ROS_DOMAIN_ID']}
        if os.environ.get('ROS_DISTRO') == 'humble':
            chosen['ROS_LOCALHOST_ONLY'] = '1'
        else:
            chosen['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        for name, value in chosen.items():
            environment.setenv(name, os.environ.get(name, value))
        yield


@pytest.fixture
def new_node():
    """Make nodes; all end with the test. The default context, because listeners spin in it."""
    rclpy.init()
    nodes = []

    def make(name):
        nodes.append(rclpy.create_node(name, start_parameter_services=False))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown()


@pytest.fixture
def spin_until(new_node):
    """Spin nodes until a condition holds, calling something every tenth of a second."""
    del new_node  # the executor has to end before the nodes do
    executor = SingleThreadedExecutor()

    def spin(nodes, condition, repeat=lambda: None):
        for node in nodes:
            executor.add_node(node)
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, 'it did not come in time'
            repeat()
            executor.spin_once(timeout_sec=0.1)
        for node in nodes:
            executor.remove_node(node)

    yield spin
    executor.shutdown()


def link(parent, child, x, seconds=1):
    message = TransformStamped()
    message.header.frame_id = parent
    message.header.stamp.sec = seconds
    message.child_frame_id = child
    message.transform.translation.x = x
    return message


def x_of(buffer, target, source):
    return buffer.lookup_transform(target, source, NEWEST).transform.translation.x


def test_broadcast_transforms_reach_the_buffer_of_a_listener(new_node, spin_until):
    sender, receiver = new_node('sender'), new_node('receiver')
    broadcaster = tf2_ros.TransformBroadcaster(sender)
    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, receiver)
    links = [link('map', 'robot', 1.0), link('robot', 'camera', 2.0)]
    spin_until(
        [receiver],
        lambda: buffer.can_transform('map', 'camera', NEWEST),
        repeat=lambda: broadcaster.sendTransform(links),
    )
    assert x_of(buffer, 'map', 'camera') == 3.0
    listener.unregister()


def test_a_single_transform_needs_no_list(new_node, spin_until):
    sender, receiver = new_node('sender'), new_node('receiver')
    broadcaster = tf2_ros.TransformBroadcaster(sender)
    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, receiver)
    spin_until(
        [receiver],
        lambda: buffer.can_transform('map', 'robot', NEWEST),
        repeat=lambda: broadcaster.sendTransform(link('map', 'robot', 1.0)),
    )
    listener.unregister()


def test_a_late_listener_gets_every_static_transform_once_sent(new_node, spin_until):
    broadcaster = tf2_ros.StaticTransformBroadcaster(new_node('sender'))
    broadcaster.sendTransform(link('robot', 'left', 1.0))
    broadcaster.sendTransform([link('robot', 'right', 2.0)])
    broadcaster.sendTransform(link('robot', 'left', 5.0))

    receiver = new_node('receiver')
    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, receiver)
    spin_until([receiver], lambda: buffer.can_transform('left', 'right', NEWEST))
    assert x_of(buffer, 'robot', 'left') == 5.0
    assert x_of(buffer, 'robot', 'right') == 2.0
    # Static: at any time, not only at the stamp it was sent with.
    assert buffer.can_transform('robot', 'left', Time(seconds=1000))
    listener.unregister()


# Old distributions let the thread end with the exception that ends spinning.
@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_a_listener_can_spin_by_itself_and_ends_with_ros(new_node):
    broadcaster = tf2_ros.StaticTransformBroadcaster(new_node('sender'))
    broadcaster.sendTransform(link('robot', 'camera', 1.0))
    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, new_node('receiver'), spin_thread=True)
    assert buffer.can_transform('robot', 'camera', NEWEST, Duration(seconds=DEADLINE_S))
    rclpy.shutdown()
    listener.dedicated_listener_thread.join(DEADLINE_S)
    assert not listener.dedicated_listener_thread.is_alive()


def test_tf_messages_have_the_official_type(new_node, spin_until):
    node = new_node('sender')
    broadcaster = tf2_ros.TransformBroadcaster(node)
    spin_until([node], lambda: node.get_publishers_info_by_topic('/tf'))
    (publisher,) = node.get_publishers_info_by_topic('/tf')
    assert publisher.topic_type == 'tf2_msgs/msg/TFMessage'
    assert broadcaster.pub_tf.topic_name == '/tf'
    if not hasattr(publisher, 'topic_type_hash'):
        pytest.skip('ROS 2 Humble has no type hashes')
    assert str(publisher.topic_type_hash) == TYPE_HASH


def test_the_frames_of_a_buffer_are_served(new_node, spin_until):
    from tf2_msgs.srv import FrameGraph

    node = new_node('receiver')
    buffer = tf2_ros.Buffer(node=node)
    buffer.set_transform(link('map', 'robot', 1.0), 'test')
    client = node.create_client(FrameGraph, 'tf2_frames')
    spin_until([node], client.service_is_ready)
    answer = client.call_async(FrameGraph.Request())
    spin_until([node], answer.done)
    assert "parent: 'map'" in answer.result().frame_yaml
