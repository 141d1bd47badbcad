import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import (
    matrix_from_quat_xyzw,
    matrix_from_rotation_vector,
    rotation_angle,
)
from vggt_ros.mapping.registration.up_direction import UpDirection
from vggt_ros.mapping.registration.window_priors import WindowPriors
from vggt_ros.mapping.registration.z_up import (
    first_map_from_cam,
    first_map_from_submap,
    has_up,
    MAP_FROM_FIRST_CAM,
    upright_turn,
)


def test_ahead_left_and_up_of_a_level_camera_are_x_y_and_z_of_the_map():
    ahead, left, up = (0, 0, 1), (-1, 0, 0), (0, -1, 0)
    axes = MAP_FROM_FIRST_CAM @ np.array([ahead, left, up]).T
    np.testing.assert_array_equal(axes, np.eye(3))
    assert np.linalg.det(MAP_FROM_FIRST_CAM) == 1


def view(odom_from_cam=None, base_from_cam=None, up=None):
    return WindowPriors(
        odom_from_cam=(odom_from_cam,),
        base_from_cam=(base_from_cam,),
        first_from_cam=(None,),
        depth_m=(None,),
        up_in_cam=(up,),
    )


def test_a_map_begins_as_the_odometry_else_as_the_base_else_at_the_camera():
    rng = np.random.default_rng(1)
    odom_from_cam, base_from_cam = (
        se3.rigid(matrix_from_quat_xyzw(rng.normal(size=4)), rng.normal(size=3)) for _ in range(2)
    )
    both = first_map_from_cam(view(odom_from_cam, base_from_cam))
    np.testing.assert_array_equal(both, odom_from_cam)
    np.testing.assert_array_equal(first_map_from_cam(view(None, base_from_cam)), base_from_cam)
    np.testing.assert_array_equal(first_map_from_cam(view())[:3, :3], MAP_FROM_FIRST_CAM)


def test_the_first_camera_is_put_where_it_is_said_to_be_wherever_the_submap_has_it():
    rng = np.random.default_rng(0)
    rotation = matrix_from_quat_xyzw(rng.normal(size=4))
    ref_from_cam = se3.rigid(rotation, rng.normal(size=3))
    expected = se3.rigid(MAP_FROM_FIRST_CAM, np.array([1.0, 2.0, 3.0]))
    map_from_submap = first_map_from_submap(ref_from_cam, expected, 2.5)
    assert map_from_submap.scale == 2.5
    map_from_cam = map_from_submap.apply_to_pose(ref_from_cam)
    np.testing.assert_allclose(map_from_cam, expected, atol=1e-12)


def test_a_map_is_turned_the_shortest_way_until_up_is_up():
    rng = np.random.default_rng(2)
    tilt = se3.rigid(matrix_from_rotation_vector(np.array([0.3, -0.2, 0.0])), np.zeros(3))
    odom_from_cam = se3.rigid(matrix_from_quat_xyzw(rng.normal(size=4)), rng.normal(size=3))
    yaw = se3.rigid(matrix_from_rotation_vector(np.array([0.0, 0.0, 1.0])), np.zeros(3))
    map_from_cam = (tilt @ yaw @ odom_from_cam)[None]
    is_inlier = np.array([True])
    for made in (view(odom_from_cam), view(None, odom_from_cam)):
        assert has_up(made)
        turn = upright_turn(map_from_cam, is_inlier, made)
        up = turn @ tilt[:3, :3] @ np.array([0.0, 0.0, 1.0])
        np.testing.assert_allclose(up, [0, 0, 1], atol=1e-12)
        assert abs(rotation_angle(turn) - np.hypot(0.3, 0.2)) < 1e-9
    assert not has_up(view())
    assert upright_turn(map_from_cam, is_inlier, view()) is None
    assert upright_turn(map_from_cam, np.array([False]), view(odom_from_cam)) is None


def test_a_level_map_and_one_upside_down_are_turned_by_nothing_and_by_half_a_turn():
    level, over = np.eye(4)[None], np.diag([1.0, -1.0, -1.0, 1.0])[None]
    is_inlier, made = np.array([True]), view(np.eye(4))
    np.testing.assert_array_equal(upright_turn(level, is_inlier, made), np.eye(3))
    turn = upright_turn(over, is_inlier, made)
    np.testing.assert_allclose(turn @ over[0, :3, :3] @ [0, 0, 1], [0, 0, 1], atol=1e-12)


def felt(*direction):
    along_axes = np.array(direction) / np.linalg.norm(direction)
    return UpDirection(along_axes=along_axes, sigma_rad=0.01)


def test_gravity_sets_up_the_first_camera_unless_the_robot_does():
    up = felt(0.3, -0.9, 0.2)
    first = first_map_from_cam(view(up=up))
    np.testing.assert_allclose(first[:3, :3] @ up.along_axes, [0, 0, 1], atol=1e-12)
    assert first[0, 2] > 0.9, 'and looks ahead, along x'
    np.testing.assert_array_equal(first[:3, 3], 0)
    robot = se3.rigid(matrix_from_rotation_vector(np.array([0.1, 0.2, 0.3])), np.ones(3))
    np.testing.assert_array_equal(first_map_from_cam(view(robot, up=up)), robot)


def test_gravity_turns_a_map_that_nothing_else_does():
    up = felt(0.3, -0.9, 0.2)
    assert has_up(view(up=up))
    poses = se3.rigid(MAP_FROM_FIRST_CAM, np.zeros(3))[None]
    turn = upright_turn(poses, np.ones(1, bool), view(up=up))
    np.testing.assert_allclose(turn @ MAP_FROM_FIRST_CAM @ up.along_axes, [0, 0, 1], atol=1e-12)
