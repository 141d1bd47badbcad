"""Large images with all defaults: what arrives, and what is said about the rest."""

import os

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from vggt_ros.middleware_profile import PROFILE_VARIABLES
from vggt_ros.ros.middleware.messages import camera_info, depth_image, header_of, rgb_image
from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.ros.tools.graph_doctor import graph_lines

pytestmark = pytest.mark.ros

START_NS = 1_700_000_000_000_000_000
K = np.array([[228.5, 0.0, 159.5], [0.0, 228.5, 119.5], [0.0, 0.0, 1.0]])
RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT


@pytest.fixture
def node(start_process, node_arguments):
    """A node that takes no image into a window: this is about what reaches it."""
    words = node_arguments(
        [
            ('image', '/eye/image'),
            ('camera_info', '/eye/camera_info'),
            ('depth', '/eye/depth'),
        ],
        keyframe__min_parallax=100.0,
    )
    return start_process('vggt_ros.ros.node', *words)


@pytest.fixture
def publish(probe):
    """Send images at 10 Hz with a publisher of some reliability when the node is there."""
    events = QosEvents(lambda line: None)
    publishers = []

    def send(reliability, width, height, num_images):
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        images = probe.node.create_publisher(
            Image,
            '/eye/image',
            QoSProfile(depth=10, reliability=reliability),
            event_callbacks=events.of_publisher('/eye/image'),
        )
        publishers.append(images)
        assert probe.spin_until(lambda: images.get_subscription_count() > 0)
        probe.spin_for(1.0)
        message = rgb_image(header_of(START_NS, 'cam_optical'), pixels)
        for number in range(num_images):
            message.header = header_of(START_NS + number * 100_000_000, 'cam_optical')
            images.publish(message)
            probe.spin_for(0.1)

    yield send
    for each in publishers:
        probe.node.destroy_publisher(each)


@pytest.mark.parametrize(('width', 'height'), [(640, 480), (1280, 720), (1920, 1080)])
def test_images_of_a_reliable_publisher_all_arrive(node, publish, health, probe, width, height):
    publish(RELIABLE, width, height, 30)
    assert probe.spin_until(lambda: health.number('frames_in') == 30, 5.0), health.values
    assert health.values['input./eye/image.loss'] == ''
    health.assert_accounted_for()


@pytest.mark.skipif(
    any(os.environ.get(name) for name in PROFILE_VARIABLES), reason='a profile is set'
)
def test_what_a_best_effort_publisher_loses_is_said_with_the_remedy(node, publish, health, probe):
    publish(BEST_EFFORT, 1280, 720, 40)
    loss = health.values['input./eye/image.loss']
    assert health.number('frames_in') < 40
    assert loss.startswith('/eye/image: '), loss
    assert 'FASTDDS_DEFAULT_PROFILES_FILE' in loss
    assert 'let it be reliable' in loss
    assert 'are lost' in health.message
    assert 'are lost' in node.log
    assert node.log.count('are lost') <= 2, 'once, and again after half a minute'
    lines = list(graph_lines('/vggt', 1.0))
    assert any('are lost' in line for is_well, line in lines if not is_well), lines


def test_depth_images_that_are_lost_are_said_like_those_of_a_camera(node, health, probe):
    depth = probe.node.create_publisher(Image, '/eye/depth', 10)
    assert probe.spin_until(lambda: depth.get_subscription_count() > 0)
    depth_m = np.full((48, 64), 2.0, np.float32)
    number = 0

    def is_said():
        nonlocal number
        number += 1
        if number % 6:
            header = header_of(START_NS + number * 33_000_000, 'cam_optical')
            depth.publish(depth_image(header, depth_m, '32FC1'))
        probe.spin_for(0.03)
        return 'are lost' in health.values.get('input./eye/depth.loss', '')

    assert probe.spin_until(is_said), health.values
    assert health.values['input./eye/depth.kind'] == 'depth'
    assert '/eye/depth: ' in health.message
    node.wait_for_log('/eye/depth: ')
    probe.node.destroy_publisher(depth)


def test_a_calibration_that_was_published_once_before_is_used(
    probe, start_process, node_arguments, publish
):
    latched = QoSProfile(
        depth=1, reliability=RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
    )
    infos = probe.node.create_publisher(CameraInfo, '/eye/camera_info', latched)
    infos.publish(camera_info(header_of(START_NS, 'cam_optical'), K, 320, 240))
    words = node_arguments([('image', '/eye/image'), ('camera_info', '/eye/camera_info')])
    made = start_process('vggt_ros.ros.node', *words)
    publish(RELIABLE, 320, 240, 5)
    made.wait_for_log('calibrated, fx 228.5')
    probe.node.destroy_publisher(infos)
