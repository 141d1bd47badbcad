"""IMUs that nothing can be made of, until they can: what the node says, and that it goes on."""

import time

import numpy as np
import pytest
from sensor_msgs.msg import Imu
from tf2_msgs.msg import TFMessage

from vggt_ros.ros.middleware.messages import header_of, transform

pytestmark = pytest.mark.ros


def test_an_imu_is_refused_by_name_until_it_is_mounted_and_feels_gravity(robot, health, probe):
    made = robot()
    publisher = probe.node.create_publisher(Imu, '/imu', 50)
    made.start(remappings=[('imu', '/imu')])

    def feel(size):
        """Send a tenth of a second of an IMU at rest, then an image."""
        for k in range(10):
            sent = Imu(header=header_of(time.time_ns() - (9 - k) * 10_000_000, 'imu_link'))
            sent.orientation_covariance[0] = -1.0
            sent.linear_acceleration.y = -size
            publisher.publish(sent)
        made.step(pace_s=0.1)

    def feel_until(condition, size, timeout_s=30.0):
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, (health.values, made.node.log)
            feel(size)

    def problem():
        return health.values.get('imu.problem', '')

    feel_until(lambda: "TF does not know the IMU ('imu_link')" in problem(), 9.81)
    mount = transform(header_of(0, 'cam_optical'), 'imu_link', np.eye(4))
    made.publishers['tf_static'].publish(TFMessage(transforms=[mount]))
    feel_until(lambda: health.number('leveling.windows') > 0 and not problem(), 9.81)
    feel_until(lambda: 'at rest the acceleration is 1.00 m/s^2' in problem(), 1.0)
    assert health.number('imu.refused.imu_gravity') > 0
    assert 'problem_0' in health.values
    feel_until(lambda: not problem(), 9.81)
    assert made.node.log.count('imu_gravity: ') == 1, 'once'
    probe.node.destroy_publisher(publisher)
