import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.mapping.registration.scale_measurement import measure_by_depth, measure_by_odometry


def way(rng, count=8, step_m=0.2):
    turns = matrix_from_rotation_vector(0.1 * rng.normal(size=(count, 3)).cumsum(axis=0))
    steps = np.array([step_m, 0.0, 0.0]) + 0.02 * rng.normal(size=(count, 3))
    return se3.rigid(turns, steps.cumsum(axis=0))


def in_map(odom_from_cam, meters_per_unit):
    map_from_odom = se3.rigid(matrix_from_rotation_vector(np.array([0.3, -2.0, 1.0])), np.ones(3))
    poses = map_from_odom @ odom_from_cam
    poses[:, :3, 3] /= meters_per_unit
    return poses


@pytest.mark.parametrize('meters_per_unit', [0.3, 1.0, 7.0])
def test_the_same_way_in_two_units_tells_their_ratio(meters_per_unit):
    odom_from_cam = way(np.random.default_rng(0))
    found = measure_by_odometry(in_map(odom_from_cam, meters_per_unit), list(odom_from_cam), 0.1)
    assert found.meters_per_unit == pytest.approx(meters_per_unit)
    assert found.residual < 1e-6
    assert found.source == 'odometry'


def test_poses_that_are_not_known_are_left_out():
    odom_from_cam = list(way(np.random.default_rng(0)))
    poses = in_map(np.stack(odom_from_cam), 2.0)
    for i in (0, 3, 5):
        odom_from_cam[i] = None
    assert measure_by_odometry(poses, odom_from_cam, 0.1).meters_per_unit == pytest.approx(2.0)
    assert measure_by_odometry(poses, [None] * 7 + odom_from_cam[-1:], 0.1) is None


def test_a_camera_that_turns_on_the_spot_says_nothing():
    odom_from_cam = way(np.random.default_rng(0), step_m=0.0)
    assert measure_by_odometry(in_map(odom_from_cam, 2.0), list(odom_from_cam), 0.5) is None
    standing = np.stack([np.eye(4)] * 8)
    assert measure_by_odometry(standing, list(way(np.random.default_rng(0))), 0.1) is None


def test_ways_of_another_shape_show_in_the_residual():
    rng = np.random.default_rng(0)
    odom_from_cam = way(rng)
    poses = in_map(odom_from_cam, 2.0)
    poses[:, :3, 3] += 0.1 * rng.normal(size=(8, 3))
    found = measure_by_odometry(poses, list(odom_from_cam), 0.1)
    assert 0.1 < found.residual < 1
    assert found.log_sigma > found.residual


def test_measured_depth_tells_meters_whatever_a_third_of_it_is():
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 4, (2, 20, 30)).astype(np.float32)
    measured_m = 3.0 * depth * np.exp(0.02 * rng.normal(size=depth.shape)).astype(np.float32)
    measured_m[rng.random(depth.shape) < 0.3] = 0.4
    measured_m[:, :3] = np.nan
    found = measure_by_depth(depth, measured_m, np.ones(depth.shape, dtype=bool))
    assert found.meters_per_unit == pytest.approx(3.0, rel=0.03)
    assert found.source == 'depth'


def test_depth_that_is_not_trusted_or_too_little_says_nothing():
    depth = np.ones((1, 20, 30), np.float32)
    trusted = np.zeros(depth.shape, dtype=bool)
    trusted[0, :3] = True
    assert measure_by_depth(depth, depth, trusted) is None
    trusted[0, :4] = True
    assert measure_by_depth(depth, depth, trusted).meters_per_unit == 1.0
