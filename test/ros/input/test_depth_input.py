import re

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image

from vggt_ros.mapping.frontend.frame import UndecodedFrame
from vggt_ros.ros.input.depth_input import DepthInput
from vggt_ros.ros.middleware.messages import camera_info, depth_image, header_of


def image_of(depth_m, encoding='32FC1', stamp_ns=0):
    return depth_image(header_of(stamp_ns, 'depth_optical'), depth_m, encoding)


@pytest.fixture
def depth_m():
    depth_m = np.random.default_rng(0).uniform(0.5, 6, (24, 32)).astype(np.float32)
    depth_m[3, 4] = np.nan
    return depth_m


def test_the_image_nearest_in_time_is_found_if_it_is_near(make_node, depth_m):
    node = make_node('listener')
    depth = DepthInput(node, 1, make_node.context(node).topics)
    depth.subscribe()
    publisher = node.create_publisher(Image, 'depth', 10)
    assert make_node.spin(lambda: publisher.get_subscription_count() == 1)
    period_ns = 100_000_000
    for k in range(1, 4):
        publisher.publish(image_of(k * depth_m, stamp_ns=k * period_ns))
    publisher.publish(Image(encoding='mono8'))
    assert make_node.spin(lambda: depth.depth_m(3 * period_ns, 0) is not None)
    np.testing.assert_array_equal(depth.depth_m(2 * period_ns + 15_000_000, 0), 2 * depth_m)
    assert depth.depth_m(2 * period_ns + 25_000_000, 0) is None
    depth.unsubscribe()
    assert depth.depth_m(2 * period_ns, 0) is None
    assert node.count_subscribers('/depth') == 0


def test_the_calibration_is_beside_the_depth_unless_it_is_remapped(make_node):
    def topics(*remappings):
        words = [word for each in remappings for word in ('-r', each)]
        node = make_node(f'listener_{len(words)}', *words)
        depth = DepthInput(node, 1, make_node.context(node).topics)
        depth.subscribe()
        return [
            name
            for name in ('/depth_camera_info', '/eye/depth/camera_info', '/own_info')
            if node.count_subscribers(name)
        ]

    assert topics() == ['/depth_camera_info']
    assert '/eye/depth/camera_info' in topics('depth:=/eye/depth/image_raw')
    assert '/own_info' in topics('depth:=/eye/depth/image_raw', 'depth_camera_info:=/own_info')


def test_a_leading_slash_is_no_other_frame(make_node, depth_m):
    """In the depth and in its calibration, which has another field of view than the camera."""
    node = make_node('listener')
    depth = DepthInput(node, 1, make_node.context(node).topics)
    K = np.array([[40.0, 0.0, 15.5], [0.0, 40.0, 11.5], [0.0, 0.0, 1.0]])
    depth.note_frame(
        UndecodedFrame(
            id=0,
            stamp_ns=1,
            camera_frame='cam',
            size=(32, 24),
            read_rows=lambda rows: None,
            K=2.0 * K,
        )
    )
    depth.subscribe()
    images = node.create_publisher(Image, 'depth', 10)
    infos = node.create_publisher(CameraInfo, 'depth_camera_info', 10)
    assert make_node.spin(
        lambda: images.get_subscription_count() and infos.get_subscription_count()
    )

    def is_registered():
        infos.publish(camera_info(header_of(1, '/cam'), K, 32, 24))
        images.publish(depth_image(header_of(1, '/cam'), depth_m, '32FC1'))
        return depth.depth_m(1, 0) is not None and not depth.problems

    assert make_node.spin(is_registered)


def test_depth_images_that_are_lost_are_reported_with_the_remedy(make_node, depth_m):
    node = make_node('listener')
    depth = DepthInput(node, 1, make_node.context(node).topics)
    depth.subscribe()
    assert depth.reports() == (), 'nobody measures depth'
    publisher = node.create_publisher(Image, 'depth', 10)
    assert make_node.spin(lambda: publisher.get_subscription_count() == 1)
    sent = [number for number in range(60) if number % 6]
    for number in sent:
        publisher.publish(image_of(depth_m, stamp_ns=10**18 + number * 33_000_000))
        make_node.spin(lambda: False, 0.005)
    assert make_node.spin(lambda: depth.reports()[0].rate_hz > 0 and 'lost' in losses(depth))
    (report,) = depth.reports()
    assert (report.topic, report.kind, report.num_publishers) == ('/depth', 'depth', 1)
    # The period is known after a dozen.
    assert re.match(r'/depth: [789] of 5\d messages', report.loss), report.loss
    assert 'lower the rate or the size of the images' in report.loss
    depth.unsubscribe()
    assert depth.reports() == ()


def losses(depth):
    return ''.join(report.loss for report in depth.reports())
