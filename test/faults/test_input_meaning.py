"""Pixels and meters that could be taken for something else, over the real middleware."""

import cv2
import numpy as np
import pytest
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import Trigger

from vggt_ros.ros.middleware.messages import camera_info, depth_image, header_of, transform

pytestmark = pytest.mark.ros

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 100_000_000
K = np.array([[150.0, 0.0, 83.5], [0.0, 150.0, 62.5], [0.0, 0.0, 1.0]])


@pytest.fixture
def publish(probe):
    """Make publishers that are gone after the test."""
    made = []

    def make(kind, topic):
        made.append(probe.node.create_publisher(kind, topic, qos_profile_sensor_data))
        return made[-1]

    yield make
    for each in made:
        probe.node.destroy_publisher(each)


@pytest.fixture
def colors(probe):
    """The newest image that the node publishes."""
    topic = '/vggt/rgb/image_rect'
    probe.heard[topic].clear()
    subscription = probe.node.create_subscription(Image, topic, probe.heard[topic].append, 10)

    def newest():
        message = probe.heard[topic][-1]
        return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)

    newest.is_there = lambda: bool(probe.heard[topic])
    yield newest
    probe.node.destroy_subscription(subscription)


def play(probe, images, message_at, is_done, number=60):
    assert probe.spin_until(lambda: images.get_subscription_count() > 0)
    for index in range(number):
        images.publish(message_at(index, START_NS + index * PERIOD_NS))
        probe.spin_for(0.1)
        if is_done():
            return True
    return False


def rgb_of(message):
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)


def mosaic_of(rgb):
    mosaic = rgb[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = rgb[::2, ::2, 0], rgb[1::2, 1::2, 2]
    return mosaic


def reddish(message):
    """The wall in light of one color, which a mosaic that is taken for gray loses."""
    return (rgb_of(message) * np.array([1.0, 0.5, 0.25])).astype(np.uint8)


def compressed(header, data, format_):
    message = CompressedImage(header=header, format=format_)
    message.data.frombytes(data.tobytes())
    return message


def test_a_mosaic_in_a_png_is_published_in_its_colors_and_one_in_a_jpeg_is_refused(
    start_process, node_arguments, probe, health, camera_image, publish, colors
):
    node = start_process('vggt_ros.ros.node', *node_arguments([('image', '/bayer/image_raw')]))
    images = publish(CompressedImage, '/bayer/image_raw/compressed')

    def at(extension, format_):
        def make(index, stamp_ns):
            raw = camera_image(index, stamp_ns)
            data = cv2.imencode(extension, mosaic_of(reddish(raw)))[1]
            return compressed(raw.header, data, format_)

        return make

    refused = at('.jpg', 'bayer_rggb8; jpeg compressed ')
    dropped = 'dropped.bad_encoding'
    assert play(probe, images, refused, lambda: health.number(dropped) > 3), health.values
    assert health.number('frames_used') == 0
    assert 'mosaic of a sensor in a JPEG' in node.log
    right = at('.png', 'bayer_rggb8; png compressed ')
    assert play(probe, images, right, colors.is_there), node.log
    red, green, blue = colors().reshape(-1, 3).mean(axis=0)
    assert red / green == pytest.approx(2.0, rel=0.1)
    assert green / blue == pytest.approx(2.0, rel=0.1)
    assert node.end()[0] == 0


def test_12_bits_in_mono16_are_seen_and_said(
    start_process, node_arguments, probe, health, camera_image, publish, colors
):
    node = start_process('vggt_ros.ros.node', *node_arguments([('image', '/deep/image_raw')]))
    images = publish(Image, '/deep/image_raw')

    def at(index, stamp_ns):
        raw = camera_image(index, stamp_ns)
        gray = rgb_of(raw)[..., 1].astype('<u2') * 16
        message = Image(header=raw.header, height=126, width=168, encoding='mono16', step=336)
        message.data.frombytes(gray.tobytes())
        return message

    assert play(probe, images, at, colors.is_there), health.values
    assert 90 < colors().mean() < 165, 'the wall has a mean of about 128'
    assert 'those of 12 bits' in node.log
    assert 'input.bits' in node.log
    assert node.end()[0] == 0


def test_topics_of_another_type_are_named_with_the_parameter_that_helps(
    start_process, node_arguments, probe, health, publish
):
    names = [('image', '/eye/image_raw/compressed'), ('depth', '/eye/depth/compressedDepth')]
    node = start_process('vggt_ros.ros.node', *node_arguments(names))
    publish(CompressedImage, '/eye/image_raw/compressed')
    publish(CompressedImage, '/eye/depth/compressedDepth')
    assert probe.spin_until(lambda: 'carries' in health.message), node.log
    node.wait_for_log(
        '/eye/image_raw/compressed carries sensor_msgs/msg/CompressedImage, and '
        'sensor_msgs/msg/Image is read from it: remap image (image_topic of the launch file) to '
        '/eye/image_raw and let input.transport be compressed'
    )
    node.wait_for_log('/eye/depth/compressedDepth carries sensor_msgs/msg/CompressedImage')
    node.wait_for_log('depth_topic')
    assert node.end()[0] == 0


class DepthPlayer:
    """Sends images, and depth from a camera of another frame that stands half a meter behind."""

    def __init__(self, probe, camera_image, publish):
        self._probe = probe
        self._make = camera_image
        self._images = publish(Image, '/color/image')
        self._infos = publish(CameraInfo, '/color/camera_info')
        self._depth = publish(Image, '/tof/depth')
        self._depth_infos = publish(CameraInfo, '/tof/camera_info')
        self._number = 0

    def play(self, frame, depth_m, is_done, *, has_info=False, offset_ns=0, number=60):
        endpoints = (self._images, self._infos, self._depth, self._depth_infos)
        assert self._probe.spin_until(lambda: all(e.get_subscription_count() for e in endpoints))
        for index in range(number):
            self._number += 1
            stamp_ns = START_NS + self._number * PERIOD_NS
            image = self._make(index, stamp_ns)
            self._infos.publish(camera_info(image.header, K, 168, 126))
            header = header_of(stamp_ns + offset_ns, frame)
            pixels = np.full((126, 168), depth_m, np.float32)
            self._depth.publish(depth_image(header, pixels, '32FC1'))
            if has_info:
                self._depth_infos.publish(camera_info(header, K * [[0.8], [0.8], [1]], 168, 126))
            self._probe.spin_for(0.03)
            self._images.publish(image)
            self._probe.spin_for(0.1)
            if is_done():
                return True
        return False


def test_depth_of_another_camera_counts_when_it_can_be_registered_and_is_refused_else(
    start_process, node_arguments, probe, health, camera_image, publish
):
    from tf2_ros import StaticTransformBroadcaster

    names = [
        ('image', '/color/image'),
        ('camera_info', '/color/camera_info'),
        ('depth', '/tof/depth'),
    ]
    words = node_arguments(names, scale__source='depth', scale__max_residual=1.0)
    node = start_process('vggt_ros.ros.node', *words)
    player = DepthPlayer(probe, camera_image, publish)

    def is_measured():
        return health.values.get('scale_source') == 'depth'

    assert player.play('cam_optical', 2.5, is_measured), health.values
    registered = health.number('meters_per_unit')
    assert probe.call(Trigger, '/vggt/reset').success
    assert player.play('tof', 2.0, lambda: 'not registered' in health.message), health.values
    assert not is_measured()
    assert health.values['is_metric'] == 'false'
    node.wait_for_log("/tof/depth: depth is not registered to the image (it is in the frame 'tof'")
    assert probe.call(Trigger, '/vggt/reset').success
    assert player.play(
        'tof', 2.0, lambda: 'the transform between them' in health.message, has_info=True
    ), health.values
    assert not is_measured()
    cam_from_tof = np.eye(4)
    cam_from_tof[2, 3] = 0.5
    static = StaticTransformBroadcaster(probe.node)
    static.sendTransform(transform(header_of(0, 'cam_optical'), 'tof', cam_from_tof))
    assert probe.call(Trigger, '/vggt/reset').success
    assert player.play('tof', 2.0, is_measured, has_info=True), health.values
    # Taken for that of the image it would be 0.8 times as much.
    assert health.number('meters_per_unit') == pytest.approx(registered, rel=0.1)
    assert probe.spin_until(lambda: 'not registered' not in health.message), health.message
    late = 'within 20 ms of its stamp, the nearest is'
    assert player.play('tof', 2.0, lambda: late in health.message, offset_ns=-40_000_000)
    node.wait_for_log(late)
    assert node.end()[0] == 0
