import numpy as np
import pytest

from vggt_ros.evaluation.camera_error import pair_errors, PairErrors, pairs_within, pose_auc
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.geometry.se3 import inverse, rigid


def about_y(degrees: float) -> np.ndarray:
    half = np.radians(degrees) / 2
    return matrix_from_quat_xyzw(np.array([0, np.sin(half), 0, np.cos(half)]))


def poses_of(*cameras) -> np.ndarray:
    """cam_from_world of cameras given as (degrees about y, center)."""
    world_from_cam = [rigid(about_y(turn), np.array(center, float)) for turn, center in cameras]
    return inverse(np.stack(world_from_cam))


def errors_of(rotation_deg, direction_deg) -> PairErrors:
    return PairErrors(
        rotation_deg=np.array(rotation_deg, float), direction_deg=np.array(direction_deg, float)
    )


@pytest.fixture
def walk():
    return poses_of((0, (0, 0, 0)), (5, (0.1, 0, 1)), (12, (0.3, 0, 2)))


def test_the_truth_in_another_world_and_unit_has_no_error(walk):
    other_world = rigid(about_y(77.0), np.array([3.0, -2, 5]))
    scaled = walk @ other_world
    scaled[:, :3, 3] *= 2.5
    # Scaling cam_from_world's translations scales the whole world about its origin.
    errors = pair_errors(scaled, walk)
    assert len(errors.rotation_deg) == 3
    np.testing.assert_allclose(errors.rotation_deg, 0, atol=1e-6)
    np.testing.assert_allclose(errors.direction_deg, 0, atol=1e-6)
    assert pose_auc(errors) == 1.0


def test_a_camera_turned_by_seven_degrees_is_seven_degrees_off_in_its_pairs():
    true = poses_of((0, (0, 0, 0)), (0, (0, 0, 1)), (0, (0, 0, 2)))
    turned = poses_of((0, (0, 0, 0)), (0, (0, 0, 1)), (7, (0, 0, 2)))
    np.testing.assert_allclose(pair_errors(turned, true).rotation_deg, [0, 7, 7], atol=1e-9)


def test_a_step_to_the_side_instead_of_ahead_is_off_by_its_angle():
    true = poses_of((0, (0, 0, 0)), (0, (0, 0, 1)))
    aside = poses_of((0, (0, 0, 0)), (0, (np.tan(np.radians(20)), 0, 1)))
    np.testing.assert_allclose(pair_errors(aside, true).direction_deg, [20], atol=1e-9)


def test_a_step_backward_instead_of_forward_is_not_forgiven():
    true = poses_of((0, (0, 0, 0)), (0, (0, 0, 1)))
    back = poses_of((0, (0, 0, 0)), (0, (0, 0, -1)))
    np.testing.assert_allclose(pair_errors(back, true).direction_deg, [180], atol=1e-6)


def test_a_camera_that_did_not_move_has_no_direction():
    true = poses_of((0, (0, 0, 0)), (0, (0, 0, 0.04)), (0, (0, 0, 0.06)))
    errors = pair_errors(true, true)
    assert np.isnan(errors.direction_deg).tolist() == [True, False, True]


def test_an_estimate_without_motion_counts_as_a_random_direction(walk):
    still = np.tile(np.eye(4), (3, 1, 1))
    errors = pair_errors(still, walk)
    np.testing.assert_allclose(errors.direction_deg, 90)
    np.testing.assert_allclose(errors.rotation_deg, [5, 12, 7], atol=1e-9)
    assert pose_auc(errors) == 0.0


def test_a_tiny_unit_of_length_does_not_hide_the_direction(walk):
    tiny = walk.copy()
    tiny[:, :3, 3] *= 1e-6
    np.testing.assert_allclose(pair_errors(tiny, walk).direction_deg, 0, atol=1e-4)


def test_the_area_under_a_curve_made_by_hand():
    # Worse errors 0.5, 10, 29.5 and 40 degrees: recalled at 30, 20, 1 and 0 of 30 thresholds.
    errors = errors_of([0.5, 2, 29.5, 40], [0.1, 10, 3, 1])
    assert pose_auc(errors) == pytest.approx((30 + 20 + 1 + 0) / (4 * 30))


def test_the_area_leaves_out_pairs_without_a_direction():
    assert pose_auc(errors_of([0.5, 100], [0.5, np.nan])) == 1.0
    assert np.isnan(pose_auc(errors_of([0.5], [np.nan])))


def test_joined_windows_keep_their_pairs_in_order():
    joined = PairErrors.join([errors_of([1], [2]), errors_of([3, 4], [5, 6])])
    assert joined.rotation_deg.tolist() == [1, 3, 4]
    assert joined.direction_deg.tolist() == [2, 5, 6]


def test_pairs_may_be_limited_to_frames_that_are_near_each_other():
    truth = poses_of(*[(3 * k, (0.2 * k, 0, 1.0 * k)) for k in range(5)])
    wrong = truth.copy()
    wrong[4] = truth[0]
    assert len(pair_errors(wrong, truth, max_gap=1).rotation_deg) == 4
    near = pair_errors(wrong, truth, max_gap=2)
    assert len(near.rotation_deg) == 4 + 3
    assert (near.rotation_deg > 1e-3).sum() == 2, 'the last with the two before it'
    assert len(pair_errors(wrong, truth, max_gap=9).rotation_deg) == 10


def test_pairs_are_those_of_the_upper_triangle_near_its_diagonal():
    np.testing.assert_array_equal(pairs_within(7), np.triu_indices(7, k=1))
    first, second = np.triu_indices(7, k=1)
    is_near = second - first <= 3
    np.testing.assert_array_equal(pairs_within(7, 3), (first[is_near], second[is_near]))
    assert [len(each) for each in pairs_within(0)] == [0, 0]
