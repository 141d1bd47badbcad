import math
from types import SimpleNamespace

import numpy as np
import pytest

from vggt_ros.errors import InputError
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, quat_xyzw_from_matrix
from vggt_ros.mapping.registration.imu_gravity import imu_sample, ImuGravity, ImuSample

PERIOD_NS = 10_000_000
UP = np.array([0.6, 0.0, 0.8])


def sample(*, stamp_ns, orientation_sigma_rad=0.0, **vectors):
    vectors = {name: tuple(map(float, vector)) for name, vector in vectors.items()}
    return ImuSample(stamp_ns=stamp_ns, orientation_sigma_rad=orientation_sigma_rad, **vectors)


def at_rest(count=60, size=9.81, **others):
    rng = np.random.default_rng(0)
    return [
        sample(
            stamp_ns=(k + 1) * PERIOD_NS,
            acceleration=size * UP + 0.05 * rng.normal(size=3),
            turn_rate=0.005 * rng.normal(size=3),
            **others,
        )
        for k in range(count)
    ]


def gravity_of(samples):
    gravity = ImuGravity()
    for each in samples:
        gravity.add(each)
    return gravity


def quat_with_up(up):
    """Orientation of an IMU that feels up along these axes; its heading is whatever it is."""
    axis = np.cross(up, [0.0, 0.0, 1.0])
    angle = math.atan2(np.linalg.norm(axis), up[2])
    turn = matrix_from_rotation_vector(angle * axis / np.linalg.norm(axis))
    heading = matrix_from_rotation_vector(np.array([0.0, 0.0, 1.1]))
    return tuple(quat_xyzw_from_matrix(heading @ turn))


def test_an_accelerometer_at_rest_feels_up():
    found = gravity_of(at_rest()).up_at(30 * PERIOD_NS)
    np.testing.assert_allclose(found.along_axes, UP, atol=0.005)


def test_one_that_moves_says_nothing():
    samples = at_rest()
    shaken = [
        sample(stamp_ns=each.stamp_ns, acceleration=(each.acceleration[0] + (-1) ** k, 0, 9.0))
        for k, each in enumerate(samples)
    ]
    turning = [
        sample(stamp_ns=each.stamp_ns, acceleration=each.acceleration, turn_rate=(0, 0.3, 0))
        for each in samples
    ]
    for moving in (shaken, turning, samples[:5]):
        assert gravity_of(moving).up_at(3 * PERIOD_NS) is None


def test_an_orientation_tells_up_whatever_its_heading_and_between_two_messages():
    later = np.array([0.0, 0.6, 0.8])
    gravity = gravity_of(
        [
            sample(stamp_ns=0, quat_xyzw=quat_with_up(UP), orientation_sigma_rad=0.02),
            sample(stamp_ns=2 * PERIOD_NS, quat_xyzw=quat_with_up(later)),
        ]
    )
    np.testing.assert_allclose(gravity.up_at(0).along_axes, UP, atol=1e-9)
    between = gravity.up_at(PERIOD_NS)
    np.testing.assert_allclose(between.along_axes @ UP, between.along_axes @ later, atol=1e-9)
    assert between.sigma_rad == 0.02
    assert gravity.up_at(50 * PERIOD_NS) is None, 'that is too long ago'


@pytest.mark.parametrize(
    ('reason', 'message'),
    [
        ('imu_not_finite', sample(stamp_ns=1, acceleration=(0, math.nan, 9.8))),
        ('imu_not_finite', sample(stamp_ns=1, quat_xyzw=(0, 0, 0, math.inf))),
        ('imu_says_nothing', sample(stamp_ns=1, turn_rate=(0, 0, 0))),
        ('imu_orientation', sample(stamp_ns=1, quat_xyzw=(0, 0, 0, 0))),
        ('imu_orientation', sample(stamp_ns=1, quat_xyzw=(0, 0, 0, 1.1))),
    ],
)
def test_messages_that_cannot_be_are_refused_by_name_and_counted(reason, message):
    gravity = ImuGravity()
    with pytest.raises(InputError) as error:
        gravity.add(message)
    assert error.value.reason == reason
    assert gravity.refused == {reason: 1}
    assert gravity.newest_ns is None


@pytest.mark.parametrize(('size', 'is_right'), [(1.0, False), (8.9, True), (10.9, False)])
def test_gravity_that_is_none_is_refused_with_its_size(size, is_right):
    gravity = gravity_of(at_rest(size=size))
    if is_right:
        assert gravity.up_at(30 * PERIOD_NS) is not None
        return
    with pytest.raises(InputError, match=f'{size:.2f} m/s') as error:
        gravity.up_at(30 * PERIOD_NS)
    assert error.value.reason == 'imu_gravity'


def test_an_orientation_whose_z_points_down_contradicts_the_acceleration():
    gravity = gravity_of(at_rest(quat_xyzw=quat_with_up(-UP)))
    with pytest.raises(InputError, match='180 degrees') as error:
        gravity.up_at(30 * PERIOD_NS)
    assert error.value.reason == 'imu_contradiction'
    agrees = gravity_of(at_rest(quat_xyzw=quat_with_up(UP)))
    np.testing.assert_allclose(agrees.up_at(30 * PERIOD_NS).along_axes, UP, atol=1e-9)


def test_memory_is_bounded_and_time_may_begin_again():
    gravity = ImuGravity()
    for k in range(20_000):
        gravity.add(sample(stamp_ns=k * PERIOD_NS // 5, acceleration=(0, 0, 9.8)))
    assert len(gravity._samples) <= 15_001
    for k in range(10_000):
        gravity.add(sample(stamp_ns=(k + 4000) * PERIOD_NS, acceleration=(0, 0, 9.8)))
    assert len(gravity._samples) <= 15_001
    gravity.add(sample(stamp_ns=PERIOD_NS, acceleration=(0, 0, 9.8)))
    assert gravity.newest_ns == PERIOD_NS
    gravity.clear()
    assert gravity.newest_ns is None


def test_what_a_message_marks_as_not_given_is_none():
    xyz = SimpleNamespace(x=0.1, y=0.2, z=9.8)
    message = SimpleNamespace(
        orientation=SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0),
        angular_velocity=xyz,
        linear_acceleration=xyz,
        orientation_covariance=np.array([-1.0] + [0.0] * 8),
        angular_velocity_covariance=np.zeros(9),
        linear_acceleration_covariance=np.zeros(9),
    )
    found = imu_sample(message, 7)
    assert (found.stamp_ns, found.quat_xyzw, found.orientation_sigma_rad) == (7, None, 0.0)
    assert found.turn_rate == found.acceleration == (0.1, 0.2, 9.8)
    message.orientation_covariance[[0, 4]] = 0.01, 0.04
    message.angular_velocity_covariance[0] = message.linear_acceleration_covariance[0] = -1.0
    found = imu_sample(message, 7)
    assert found.quat_xyzw == (0.0, 0.0, 0.0, 1.0)
    assert found.orientation_sigma_rad == pytest.approx(0.2)
    assert (found.turn_rate, found.acceleration) == (None, None)
