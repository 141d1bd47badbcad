import logging
import math

import numpy as np
import pytest

from vggt_ros.offline.recorded_gravity import RecordedGravity
from vggt_ros.sources.bag import Bag

START_NS, STEP_NS = 1_700_000_000_000_000_000, 10_000_000
CAM_FROM_IMU = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


@pytest.fixture
def gravity(open_bag, tmp_path):
    """Of a bag with an image and two seconds of an IMU."""

    def make(force=(0.0, 0.0, 9.81), sigma_rad=0.02):
        with open_bag(tmp_path / 'bag', 'mcap') as bag:
            bag.transform(1, 'cam_0', 'imu', CAM_FROM_IMU)
            bag.image('/cam_0/image', START_NS, np.zeros((4, 6, 3), np.uint8))
            for index in range(200):
                bag.imu(START_NS + index * STEP_NS, force)
        return RecordedGravity(Bag(tmp_path / 'bag').imu, sigma_rad)

    return make


def test_up_is_along_the_axes_of_the_camera(gravity):
    up = gravity().up_in_cam(START_NS + 10**9, 0)
    np.testing.assert_allclose(up.along_axes, [0.0, -1.0, 0.0], atol=1e-6)
    assert up.sigma_rad == pytest.approx(0.02)


def test_no_more_is_read_than_the_frames_need(gravity):
    made = gravity()
    assert made.gravity.newest_ns is None
    made.up_in_cam(START_NS + 10**9, 0)
    ahead_s = 1e-9 * (made.gravity.newest_ns - START_NS)
    assert 1.25 < ahead_s < 1.35


def test_before_and_after_the_messages_nothing_is_known(gravity):
    made = gravity()
    assert made.up_in_cam(START_NS - 10**9, 0) is None
    assert made.up_in_cam(START_NS + 10 * 10**9, 0) is None


def test_what_cannot_be_gravity_is_told_once(gravity, caplog):
    made = gravity(force=(0.0, 0.0, 1.0))
    with caplog.at_level(logging.WARNING):
        for step in range(5):
            assert made.up_in_cam(START_NS + 10**9 + step * STEP_NS, 0) is None
    assert len(caplog.records) == 1
    assert '/imu: at rest the acceleration is 1.00 m/s^2' in caplog.text
    assert made.gravity.refused['imu_gravity'] == 5
    assert math.isfinite(made.gravity.newest_ns)
