import pytest
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from vggt_ros.cli import doctor
from vggt_ros.ros.tools.graph_doctor import graph_lines


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
