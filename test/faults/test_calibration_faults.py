"""Calibrations that are incomplete, late or missing: what the node makes of them."""

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo

from vggt_ros.ros.middleware.messages import header_of

pytestmark = pytest.mark.ros

START_NS = 1_700_000_000_000_000_000
K = [150.0, 0.0, 83.5, 0.0, 150.0, 62.5, 0.0, 0.0, 1.0]
P = [140.0, 0.0, 80.0, 0.0, 0.0, 140.0, 60.0, 0.0, 0.0, 0.0, 1.0, 0.0]
BENT = [-0.1, 0.02, 0.0, 0.0, 0.0]
USUAL = {'width': 168, 'height': 126, 'distortion_model': 'plumb_bob', 'k': K, 'd': [0.0] * 5}


class Camera:
    """A camera with a calibration, its node, and the calibration of what the node publishes."""

    def __init__(self, probe, start_process, node_arguments, make_camera, image):
        self.probe = probe
        info = f'{image.rpartition("/")[0]}/camera_info'
        self.camera = make_camera(image)
        qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.infos = probe.node.create_publisher(CameraInfo, info, qos)
        self.published = []
        self.ears = probe.node.create_subscription(
            CameraInfo, '/vggt/depth/camera_info', self.published.append, 10
        )
        words = node_arguments([('image', image), ('camera_info', info)])
        self.node = start_process('vggt_ros.ros.node', *words)

    def calibrate(self, **fields):
        self.infos.publish(CameraInfo(header=header_of(START_NS, 'cam_optical'), **fields))

    def send(self, number):
        for index in range(number):
            self.camera.send(START_NS + index * 100_000_000, index)
            self.probe.spin_for(0.1)

    def image_K(self):
        """Send until depth is published; return its K for pixels of the camera's image."""
        self.send(6)
        assert self.probe.spin_until(lambda: self.published), self.node.log
        newest = self.published[-1]
        found = np.reshape(newest.k, (3, 3))
        scale = np.array([168 / newest.width, 126 / newest.height, 1.0])[:, None]
        found[:2, 2] += 0.5
        found = found * scale
        found[:2, 2] -= 0.5
        return found, newest

    def close(self):
        self.probe.node.destroy_publisher(self.infos)
        self.probe.node.destroy_subscription(self.ears)


@pytest.fixture
def camera(probe, start_process, node_arguments, make_camera):
    made = []

    def make(image='/calibrated/image_raw'):
        made.append(Camera(probe, start_process, node_arguments, make_camera, image))
        return made[-1]

    yield make
    for each in made:
        each.close()
        assert 'Traceback' not in each.node.log
        assert each.node.end()[0] == 0


@pytest.mark.parametrize(
    ('image', 'fields', 'focal_px'),
    [
        ('/once/image_raw', USUAL, 150.0),
        ('/only_p/image_rect', {'width': 168, 'height': 126, 'p': P}, 140.0),
        ('/no_size/image_raw', {'k': K, 'distortion_model': 'plumb_bob'}, 150.0),
        ('/no_one/image_raw', USUAL | {'k': [*K[:8], 0.0]}, 150.0),
        ('/long/image_raw', USUAL | {'d': [*BENT, 0.0, 0.0, 0.0], 'p': P}, 140.0),
        (
            '/short/image_raw',
            USUAL | {'d': BENT, 'distortion_model': 'rational_polynomial', 'p': P},
            140.0,
        ),
    ],
)
def test_a_calibration_is_used_as_far_as_it_goes(camera, health, image, fields, focal_px):
    """Each is sent once, latched, while the node starts."""
    made = camera(image)
    made.calibrate(**fields)
    made.camera.wait_for_node()
    found, published = made.image_K()
    assert found[0, 0] == pytest.approx(focal_px, rel=0.01)
    assert published.k[8] == 1.0
    assert published.p[10] == 1.0
    assert f'calibrated, fx {focal_px:g}' in made.node.log
    assert ('rectified here' in made.node.log) == ('d' in fields and any(fields['d']))
    assert ('is taken for that of the images of 168 x 126' in made.node.log) == (
        'width' not in fields
    )
    reasons = {key for key in health.fresh() if key.startswith('dropped.')}
    assert reasons <= {'dropped.late'}, 'which a busy machine may be'


def test_coefficients_that_the_model_does_not_have_are_refused_by_name(camera, health, probe):
    made = camera('/other/image_raw')
    made.calibrate(**(USUAL | {'d': [*BENT, 0.1, 0.1, 0.1]}))
    made.camera.wait_for_node()
    made.send(4)
    assert probe.spin_until(lambda: health.number('dropped.bad_camera_info') == 4)
    assert 'is it rational_polynomial?' in made.node.log
    health.assert_accounted_for()


def test_no_image_is_lost_waiting_for_a_calibration_that_does_not_come(camera, health, probe):
    """There is a publisher, and it is silent."""
    made = camera('/silent/image_raw')
    made.camera.wait_for_node()
    made.send(14)
    assert probe.spin_until(lambda: health.number('frames_in') == 14), health.values
    assert probe.spin_until(lambda: health.number('windows') >= 1)
    assert 'dropped.no_camera_info' not in health.values
    assert 'not calibrated' in made.node.log
    assert made.node.log.count('is silent though it has a publisher') == 1
