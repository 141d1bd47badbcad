import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.relative_pose_error import relative_pose_error
from vggt_ros.geometry.rotation import matrix_from_rotation_vector


def straight(num_poses, step_m=0.1, scale=1.0, turn_rad=0.0):
    """A way along x; an estimate is too long, and turns where there is no bend."""
    poses = np.tile(np.eye(4), (num_poses, 1, 1))
    for i in range(1, num_poses):
        turn = matrix_from_rotation_vector(np.array([0.0, 0.0, i * turn_rad]))
        poses[i, :3, :3] = turn
        poses[i, :3, 3] = poses[i - 1, :3, 3] + scale * step_m * turn[:, 0]
    return poses


def test_the_truth_does_not_drift():
    found = relative_pose_error(straight(50), straight(50), 0.95)
    assert found.translation_m < 1e-12
    assert found.rotation_deg < 1e-6
    assert found.num_pairs == 40, 'ten steps of 0.1 m are the first to pass 0.95 m'


def test_a_wrong_scale_is_drift_in_percent():
    found = relative_pose_error(straight(50, scale=1.03), straight(50), 0.95)
    assert found.translation_m == pytest.approx(0.03)
    assert found.translation_percent == pytest.approx(3.0 / 0.95)


def test_a_turn_is_drift_in_degrees():
    found = relative_pose_error(straight(50, turn_rad=0.01), straight(50), 0.95)
    assert found.rotation_deg == pytest.approx(np.degrees(0.1), rel=1e-6)


def test_a_common_transform_does_not_matter(rng):
    moved = np.eye(4)
    moved[:3, :3] = matrix_from_rotation_vector(rng.normal(size=3))
    moved[:3, 3] = rng.normal(size=3)
    estimate = straight(50, scale=1.02, turn_rad=0.005)
    first = relative_pose_error(estimate, straight(50), 1.0)
    second = relative_pose_error(moved @ estimate, straight(50), 1.0)
    assert second.translation_m == pytest.approx(first.translation_m)
    assert second.rotation_deg == pytest.approx(first.rotation_deg)


def test_standing_still_adds_no_pairs_of_no_length():
    truth = straight(50)
    standing = np.concatenate([truth[:20], np.tile(truth[20], (30, 1, 1)), truth[20:]])
    found = relative_pose_error(standing, standing, 0.95)
    assert found.translation_m < 1e-12
    assert found.num_pairs == 40 + 30


def test_a_way_that_is_too_short_is_refused():
    with pytest.raises(AlignmentError, match=r'0\.9 m long, shorter than a piece of 1 m'):
        relative_pose_error(straight(10), straight(10), 1.0)
