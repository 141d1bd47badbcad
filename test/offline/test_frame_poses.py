import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.offline.frame_poses import between, FramePoses, share_of


def pose(angle_rad, x):
    return se3.rigid(matrix_from_rotation_vector(np.array([0, angle_rad, 0])), np.array([x, 0, 0]))


def test_a_pose_between_two_turns_and_moves_evenly():
    a, b = pose(0.2, 1.0), pose(0.8, 3.0)
    np.testing.assert_allclose(between(a, b, 0.25), pose(0.35, 1.5), atol=1e-12)
    np.testing.assert_allclose(between(a, b, 0.0), a, atol=1e-12)
    np.testing.assert_allclose(between(a, b, 1.0), b, atol=1e-12)


def test_the_share_is_that_of_the_time_and_never_outside():
    assert share_of(15, 10, 30) == pytest.approx(0.25)
    assert (share_of(5, 10, 30), share_of(35, 10, 30), share_of(10, 10, 10)) == (0.0, 1.0, 0.0)


def test_coverage_is_the_share_with_a_pose():
    poses = np.full((4, 4, 4), np.nan)
    poses[:3] = np.eye(4)
    found = FramePoses(
        stamps_ns=np.arange(4),
        map_from_cam=poses,
        kind=('keyframe', 'refined', 'interpolated', 'none'),
    )
    assert found.coverage == 0.75
    assert found.is_known.tolist() == [True, True, True, False]
    assert found.counts() == {'keyframe': 1, 'refined': 1, 'interpolated': 1, 'none': 1}


def test_no_frames_have_no_coverage():
    nothing = FramePoses(stamps_ns=np.arange(0), map_from_cam=np.zeros((0, 4, 4)), kind=())
    assert nothing.coverage == 0.0
