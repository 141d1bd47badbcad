import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.mapping.registration.odometry_agreement import moved_as_odometry


def window(rng, noise=0.01):
    """Eight cameras along a bend, in the odometry and, in another unit, in a window."""
    turns = matrix_from_rotation_vector(np.linspace(0, 0.4, 8)[:, None] * [0.0, 0.0, 1.0])
    centers = np.stack([0.12 * np.arange(8), 0.01 * np.arange(8) ** 2, np.zeros(8)], axis=1)
    odom_from_cam = se3.rigid(turns, centers)
    submap_from_odom = se3.rigid(matrix_from_rotation_vector(rng.normal(size=3)), np.ones(3))
    ref_from_cam = submap_from_odom @ odom_from_cam
    ref_from_cam[:, :3, 3] += noise * rng.normal(size=(8, 3))
    ref_from_cam[:, :3, 3] *= 0.4
    return odom_from_cam, ref_from_cam


@pytest.mark.parametrize('seed', range(10))
def test_a_window_with_noise_agrees(seed):
    odom_from_cam, ref_from_cam = window(np.random.default_rng(seed))
    assert moved_as_odometry(ref_from_cam, list(odom_from_cam)).all()


@pytest.mark.parametrize('frame', [0, 4, 7])
def test_a_camera_that_jumps_or_turns_alone_is_found(frame):
    odom_from_cam, ref_from_cam = window(np.random.default_rng(0))
    jumped = ref_from_cam.copy()
    jumped[frame, :3, 3] += [0.0, 0.1, 0.05]
    turned = ref_from_cam.copy()
    turned[frame, :3, :3] @= matrix_from_rotation_vector(np.array([0.2, 0.0, 0.0]))
    for wrong in (jumped, turned):
        found = moved_as_odometry(wrong, list(odom_from_cam))
        np.testing.assert_array_equal(found, np.arange(8) != frame)


def test_what_is_not_known_is_believed():
    odom_from_cam, ref_from_cam = window(np.random.default_rng(0))
    ref_from_cam[3, :3, 3] += 1.0
    few = [pose if i < 3 else None for i, pose in enumerate(odom_from_cam)]
    assert moved_as_odometry(ref_from_cam, few).all()
    without = [None if i == 3 else pose for i, pose in enumerate(odom_from_cam)]
    assert moved_as_odometry(ref_from_cam, without).all()


def test_a_robot_that_stops_within_a_window_agrees():
    rng = np.random.default_rng(0)
    odom_from_cam, _ = window(rng)
    odom_from_cam[4:, :3, 3] = odom_from_cam[3, :3, 3]
    ref_from_cam = odom_from_cam.copy()
    ref_from_cam[:, :3, 3] += 0.01 * rng.normal(size=(8, 3))
    assert moved_as_odometry(ref_from_cam, list(odom_from_cam)).all()


def test_on_the_spot_only_turns_are_compared():
    odom_from_cam, ref_from_cam = window(np.random.default_rng(0))
    odom_from_cam[:, :3, 3] *= 0.1
    ref_from_cam[2, :3, 3] += 0.3
    assert moved_as_odometry(ref_from_cam, list(odom_from_cam)).all()
    turn = matrix_from_rotation_vector(np.array([0.2, 0.0, 0.0]))
    ref_from_cam[5, :3, :3] @= turn
    found = moved_as_odometry(ref_from_cam, list(odom_from_cam))
    np.testing.assert_array_equal(found, np.arange(8) != 5)
