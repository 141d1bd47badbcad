import time

import numpy as np
import pytest
from sensor_msgs.msg import Imu

from vggt_ros.ros.input.imu_input import ImuInput
from vggt_ros.ros.middleware.messages import header_of
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.live_config import LiveConfig
from vggt_ros.settings.world_config import GravitySettings

PERIOD_NS = 10_000_000
# The IMU lies on its back on the camera: its z looks along the camera's -y.
CAM_FROM_IMU = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


def message(k, frame='imu', force=(0.0, 0.0, 9.81), quat_xyzw=None):
    found = Imu(header=header_of((k + 1) * PERIOD_NS, frame))
    found.linear_acceleration.x, found.linear_acceleration.y = force[:2]
    found.linear_acceleration.z = force[2]
    found.orientation_covariance[0] = -1.0
    if quat_xyzw is not None:
        q = found.orientation
        q.x, q.y, q.z, q.w = quat_xyzw
        found.orientation_covariance[0] = 0.0004
    return found


@pytest.fixture
def imu(make_node):
    """Make an input that knows one mount, and a publisher; `send` waits until all have come."""
    node = make_node('vggt')
    known = {('cam', 'imu'): CAM_FROM_IMU}

    class Made:
        def __init__(self, **settings):
            config = LiveConfig(VggtConfig(gravity=GravitySettings(**settings)))
            topics = make_node.context(node).topics
            self.input = ImuInput(
                node, config, topics, lambda target, source, stamp_ns: known.get((target, source))
            )
            self.input.subscribe()
            self.publisher = node.create_publisher(Imu, 'imu', 100)
            self.node = node

        def send(self, *messages):
            assert make_node.spin(lambda: self.publisher.get_subscription_count() == 1)
            heard = self.input._heard.subscription
            for each in messages:  # one by one: the first queue is short
                before = heard.num_received
                self.publisher.publish(each)
                assert make_node.spin(lambda: heard.num_received > before)  # noqa: B023

    made = []

    def make(**settings):
        made.append(Made(**settings))
        return made[-1]

    yield make
    for each in made:
        each.input.unsubscribe()


def test_gravity_comes_along_the_axes_of_the_camera_with_what_it_is_unsure_of(imu):
    made = imu(sigma=2.0)
    assert made.input.topic_reports()[0].kind == 'imu'
    made.send(*(message(k) for k in range(60)))
    up = made.input.up_in_cam(30 * PERIOD_NS, 'cam')
    np.testing.assert_allclose(up.along_axes, [0, -1, 0], atol=1e-6)
    assert up.sigma_rad == pytest.approx(np.radians(2.0))
    made.input.check('cam')
    assert made.input.report().problem == ''
    made.input.unsubscribe()
    assert made.input.up_in_cam(30 * PERIOD_NS, 'cam') is None


def test_a_message_of_which_only_the_orientation_is_given_is_enough(imu):
    made = imu(sigma=0.05)
    half = np.sqrt(0.5)
    sent = message(0, quat_xyzw=(half, 0.0, 0.0, half))
    sent.linear_acceleration_covariance[0] = -1.0
    made.send(sent)
    up = made.input.up_in_cam(PERIOD_NS, 'cam')
    # Turned about x by a quarter: the world's z is along the IMU's y, the camera's z.
    np.testing.assert_allclose(up.along_axes, [0, 0, 1], atol=1e-9)
    assert up.sigma_rad == pytest.approx(0.02, rel=0.01)


@pytest.mark.parametrize(
    ('reason', 'messages'),
    [
        ('imu_gravity', [message(k, force=(0.0, 0.0, 1.0)) for k in range(60)]),
        ('imu_frame', [message(k, frame='stranger') for k in range(60)]),
        ('imu_not_finite', [message(0), message(1, force=(0.0, 0.0, float('nan')))]),
        ('imu_orientation', [message(0, quat_xyzw=(0.0, 0.0, 0.0, 0.0))]),
        ('imu_contradiction', [message(k, quat_xyzw=(1.0, 0.0, 0.0, 0.0)) for k in range(60)]),
    ],
)
def test_what_cannot_be_gravity_is_refused_by_name(imu, reason, messages, capfd):
    made = imu()
    made.send(*messages)
    if reason != 'imu_not_finite':
        for _ in range(3):
            made.input.check('cam')
        assert made.input.up_in_cam(messages[-1].header.stamp.nanosec, 'cam') is None
    report = made.input.report()
    assert report.problem.startswith('/imu: ')
    if reason != 'imu_frame':
        assert report.refused[reason] >= 1
    time.sleep(0.1)
    assert capfd.readouterr().err.count(f'{reason}: /imu') == 1, 'once'


def test_an_imu_that_is_well_again_has_no_problem(imu):
    made = imu()
    made.send(*(message(k, force=(0.0, 0.0, 1.0)) for k in range(60)))
    made.input.check('cam')
    assert '1.00 m/s^2' in made.input.report().problem
    made.send(*(message(k) for k in range(60, 160)))
    made.input.check('cam')
    assert made.input.report().problem == ''


def test_nothing_is_subscribed_to_if_it_is_not_wanted(imu):
    made = imu(use_imu=False)
    assert made.node.count_subscribers('/imu') == 0
    assert made.input.topic_reports() == ()
    assert made.input.up_in_cam(PERIOD_NS, 'cam') is None
