from geometry_msgs.msg import PoseStamped
from rclpy.qos import QoSProfile, ReliabilityPolicy

from vggt_ros.ros.middleware.qos_events import QosEvents


def test_a_publisher_that_offers_less_is_told_about_once(make_node):
    lines = []
    events = QosEvents(lines.append)
    node = make_node('listener')
    node.create_subscription(
        PoseStamped,
        'pose',
        lambda message: None,
        QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE),
        event_callbacks=events.of_subscription('/pose'),
    )
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    for _ in range(2):
        node.create_publisher(
            PoseStamped,
            'pose',
            best_effort,
            event_callbacks=QosEvents(print).of_publisher('/pose'),
        )
    assert make_node.spin(lambda: lines)
    make_node.spin(lambda: False, 0.3)
    assert len(lines) == 1
    assert lines[0] == (
        '/pose: a publisher offers less than the node asks for (reliability); nothing is received '
        'from it: give both the same reliability'
    )
    assert set(events.problems) == {'/pose'}


def test_endpoints_that_match_are_no_problem(make_node):
    events = QosEvents(lambda line: None)
    node = make_node('talker')
    publisher = node.create_publisher(
        PoseStamped, 'pose', 1, event_callbacks=events.of_publisher('/pose')
    )
    node.create_subscription(PoseStamped, 'pose', lambda message: None, 1)
    assert make_node.spin(lambda: publisher.get_subscription_count() == 1)
    assert events.problems == {}
