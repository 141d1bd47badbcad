import pytest
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from vggt_ros.cli import doctor
from vggt_ros.ros.input.input_report import TopicReport
from vggt_ros.ros.tools import graph_doctor
from vggt_ros.ros.tools.graph_doctor import graph_lines
from vggt_ros.ros.tools.graph_probe import GraphReport


@pytest.fixture
def node(start_process):
    made = start_process(
        'vggt_ros.ros.node', '-p', 'model.checkpoint:=nano', '-r', 'image:=/eye/image'
    )
    made.wait_for_log('loaded nano')
    yield made
    made.end()


def test_a_silent_camera_is_said_in_the_words_of_the_watchdog(node):
    troubles = [line for is_well, line in graph_lines('/vggt', 2.0) if not is_well]
    assert any(
        line.startswith('nothing on /eye/image') and 'ros2 topic list' in line for line in troubles
    ), troubles


def test_the_command_looks_at_the_node_in_a_process_of_its_own(node, make_node, camera_image):
    sender = make_node('camera')
    publisher = sender.create_publisher(Image, '/eye/image', qos_profile_sensor_data)
    number = 0

    def is_heard():
        nonlocal number
        number += 1
        publisher.publish(camera_image(number, 10**18 + number * 10**8))
        return 'images of 168 x 126' in node.log

    assert make_node.spin(is_heard)
    lines = [line for _, line in doctor.graph_lines('/vggt', 3.0)]
    assert any(line.startswith('/eye/image: 1 publishers') for line in lines), lines
    assert any('frames_in' in line for line in lines)


def test_without_a_node_it_is_said_how_to_start_one():
    (trouble,) = [line for is_well, line in graph_lines('/nobody', 0.5) if not is_well]
    assert 'there is no node /nobody' in trouble
    assert 'ros2 launch' in trouble


DEAF = TopicReport(
    topic='/eye/image', kind='image', num_publishers=0, rate_hz=0.0, silent_s=9.0, problem=''
)


@pytest.fixture
def troubles(monkeypatch):
    """What the doctor says of a report that is made up."""

    def of(topics=(), **report):
        made = GraphReport(is_running=True, topics=topics, **report)
        monkeypatch.setattr(graph_doctor, 'probe_graph', lambda node, seconds: made)
        return [line for is_well, line in graph_lines('/vggt', 5.0) if not is_well]

    return of


def test_what_the_node_says_and_what_is_seen_from_outside_are_in_one_order(troubles):
    values = {'state': 'lost', 'problem_0': 'clock: no /clock', 'problem_1': 'quality: lost'}
    first, *others = troubles(topics=(DEAF,), values=values)
    assert first.startswith('nothing on /eye/image for 9 s')
    assert others == ['no /clock', 'lost']


def test_what_both_know_is_told_once_in_the_words_of_the_node(troubles):
    values = {'state': 'waiting', 'problem_0': 'topic: nothing on /eye/image for 12 s'}
    assert troubles(topics=(DEAF,), values=values) == ['nothing on /eye/image for 12 s']


def test_a_node_that_is_well_has_no_troubles_and_one_that_is_paused_has(troubles):
    assert troubles(values={'state': 'tracking'}) == []
    (line,) = troubles(values={'state': 'paused'})
    assert 'ros2 service call /vggt/enable std_srvs/srv/SetBool "{data: true}"' in line


def test_a_node_that_says_nothing_is_told_before_what_is_seen_of_its_topics(troubles):
    first, second = troubles(topics=(DEAF,))
    assert first.startswith('/vggt says nothing on /diagnostics for 5 s')
    assert second.startswith('nothing on /eye/image')
