from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.geometry.se3 import rigid
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.layers.trajectory import Trajectory, tum_line


def pose(x):
    return rigid(np.eye(3), np.array([x, 0.0, 0.0]))


def view(stamp_ns, x):
    return CameraView(stamp_ns=stamp_ns, map_from_cam=pose(x), K=np.eye(3), width=8, height=6)


def test_poses_come_back_in_order_with_their_stamps():
    trajectory = Trajectory(10)
    for i in range(3):
        trajectory.add(i, 0, view(100 + i, i))
    poses = trajectory.poses()
    assert poses.stamps_ns.tolist() == [100, 101, 102]
    assert poses.map_from_cam[:, 0, 3].tolist() == [0, 1, 2]


def test_the_oldest_poses_go_first():
    trajectory = Trajectory(3)
    for i in range(10):
        trajectory.add(i, 0, view(i, i))
    assert trajectory.poses().stamps_ns.tolist() == [7, 8, 9]
    trajectory.max_size = 2
    assert trajectory.poses().stamps_ns.tolist() == [8, 9]


def test_a_known_frame_is_corrected_in_its_place():
    trajectory = Trajectory(3)
    for i in range(3):
        trajectory.add(i, 0, view(i, i))
    trajectory.add(1, 0, view(1, 7))
    assert trajectory.poses().map_from_cam[:, 0, 3].tolist() == [0, 7, 2]


def test_poses_move_with_their_submaps():
    trajectory = Trajectory(10)
    for i in range(4):
        trajectory.add(i, i // 2, view(i, i))
    trajectory.correct({1: Sim3(2.0, np.eye(3), np.array([0.0, 5.0, 0.0]))})
    positions = trajectory.poses().map_from_cam[:, :3, 3]
    np.testing.assert_allclose(positions, [[0, 0, 0], [1, 0, 0], [4, 5, 0], [6, 5, 0]])


def test_an_empty_trajectory_has_arrays_of_no_rows():
    trajectory = Trajectory(3)
    trajectory.add(0, 0, view(1, 0))
    trajectory.clear()
    assert trajectory.poses().map_from_cam.shape == (0, 4, 4)
    assert trajectory.poses().tum() == ''


@pytest.mark.parametrize(
    ('stamp_ns', 'text'),
    [
        (1_700_000_000_123_456_789, '1700000000.123456789'),
        (5, '0.000000005'),
        (1_000_000_000, '1.000000000'),
        (9_007_199_254_740_993_007, '9007199254.740993007'),
    ],
)
def test_all_decimals_of_a_stamp_are_exact(stamp_ns, text):
    assert tum_line(stamp_ns, np.eye(4)).split()[0] == text


def test_a_tum_line_is_translation_then_quaternion_with_the_scalar_last():
    quat_xyzw = np.array([0.1, -0.2, 0.3, 0.9])
    quat_xyzw /= np.linalg.norm(quat_xyzw)
    map_from_cam = rigid(matrix_from_quat_xyzw(quat_xyzw), np.array([1.5, -2.25, 3.0]))
    numbers = [float(text) for text in tum_line(7, map_from_cam).split()[1:]]
    np.testing.assert_allclose(numbers, [1.5, -2.25, 3.0, *quat_xyzw], atol=1e-8)


def test_the_file_has_one_line_a_pose():
    trajectory = Trajectory(10)
    for i in range(3):
        trajectory.add(i, 0, view(i, i))
    assert trajectory.poses().tum().splitlines() == [tum_line(i, pose(i)) for i in range(3)]


def test_the_poses_are_those_of_camera_0_and_the_views_those_of_all():
    trajectory = Trajectory(10)
    for i in range(4):
        trajectory.add(i, 0, replace(view(i, i), camera=i % 2))
    assert trajectory.poses().stamps_ns.tolist() == [0, 2]
    assert [each.camera for each in trajectory.views()] == [0, 1, 0, 1]


def test_poses_of_a_submap_that_left_move_with_another_one():
    trajectory = Trajectory(10)
    for i in range(3):
        trajectory.add(i, i, view(i, i))
    trajectory.reassign({1: 7})
    assert [each.submap_id for each in trajectory.stored().values()] == [0, 7, 2]
