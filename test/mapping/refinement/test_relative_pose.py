import math

import gtsam
import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import angle_between, matrix_from_rotation_vector
from vggt_ros.mapping.refinement.relative_pose import (
    contradiction,
    poses_along,
    relative_factors,
    RelativePose,
)

STEP = se3.rigid(matrix_from_rotation_vector(np.array([0.0, 0.2, 0.0])), np.array([0.5, 0.0, 0.1]))


def step(row_a=0, row_b=1, a_from_b=STEP, **sigmas):
    sigmas = {'rotation_sigma_rad': 0.01, 'translation_sigma': 0.01} | sigmas
    return RelativePose(row_a=row_a, row_b=row_b, a_from_b=a_from_b, **sigmas)


def moved(turn, shift):
    """The second camera of a pair, beside where the step has it."""
    return STEP @ se3.rigid(matrix_from_rotation_vector(np.array(turn)), np.array(shift))


def pulled(relative, second):
    """Where factors pull the second of two cameras, if the first is held and nothing is seen."""
    graph, values = gtsam.NonlinearFactorGraph(), gtsam.Values()
    poses = np.stack([np.eye(4), second])
    for row, pose in enumerate(poses):
        values.insert(row, gtsam.Pose3(pose))
        sigma = 1e-6 if row == 0 else 10.0  # so loose that everything is determined
        noise = gtsam.noiseModel.Isotropic.Sigma(6, sigma)
        graph.add(gtsam.PriorFactorPose3(row, gtsam.Pose3(pose), noise))
    for factor in relative_factors(relative, poses, (0, 1), lambda row: row):
        graph.add(factor)
    return gtsam.LevenbergMarquardtOptimizer(graph, values).optimize().atPose3(1).matrix()


def test_a_camera_is_pulled_to_where_it_is_known_to_be():
    found = pulled([step()], moved([0.02, 0.0, -0.02], [0.03, -0.03, 0.0]))
    np.testing.assert_allclose(found, STEP, atol=1e-3)


def test_without_a_length_only_the_rotation_is_held():
    start = moved([0.02, 0.0, -0.02], [0.03, -0.03, 0.0])
    found = pulled([step(translation_sigma=math.inf)], start)
    np.testing.assert_allclose(found[:3, :3], STEP[:3, :3], atol=1e-3)
    np.testing.assert_allclose(found[:3, 3], start[:3, 3], atol=1e-3)


def test_without_a_length_a_direction_is_held_and_the_length_is_not():
    start = moved([0.0, 0.0, 0.0], [0.3, -0.03, 0.02])
    known = step(translation_sigma=math.inf, direction_sigma_rad=0.01)
    found = pulled([known], start)[:3, 3]
    cosine = found @ STEP[:3, 3] / np.linalg.norm(found) / np.linalg.norm(STEP[:3, 3])
    assert math.acos(min(1.0, cosine)) < 0.002
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(start[:3, 3]), rel=0.05)


@pytest.mark.parametrize('second', [np.eye(4), STEP], ids=['start', 'known'])
def test_cameras_in_one_place_have_no_direction(second):
    here = step(
        a_from_b=se3.rigid(STEP[:3, :3], np.zeros(3)) if second is STEP else STEP,
        translation_sigma=math.inf,
        direction_sigma_rad=0.01,
    )
    poses = np.stack([np.eye(4), second])
    assert len(relative_factors([here], poses, (0, 1), lambda row: row)) == 1


def test_of_cameras_that_take_no_part_nothing_is_known():
    poses = np.stack([np.eye(4)] * 3)
    assert not relative_factors([step(0, 2), step(1, 2)], poses, (0, 1), lambda row: row)


def test_a_wheel_that_slips_does_not_spoil_the_rotation():
    slipped = STEP.copy()
    slipped[:3, 3] *= 10.0
    start = moved([0.02, 0.0, -0.02], [0.0, 0.0, 0.0])
    found = pulled([step(a_from_b=slipped)], start)
    assert angle_between(found[:3, :3], STEP[:3, :3]) < 1e-3


def test_only_a_length_that_is_clearly_longer_than_its_error_tells_the_scale():
    assert step(translation_sigma=0.1).tells_length
    assert not step(translation_sigma=0.3).tells_length
    assert not step(translation_sigma=math.inf).tells_length


def test_more_cameras_before_the_first_move_the_rows():
    found = step(1, 3).moved(4)
    assert (found.row_a, found.row_b) == (5, 7)
    np.testing.assert_array_equal(found.a_from_b, STEP)


def test_what_is_known_is_not_contradicted_and_a_lie_hardly_more_than_a_slip():
    there, slip, lie = (
        np.stack([np.eye(4), moved([0.0, 0.0, 0.0], [shift, 0.0, 0.0])])
        for shift in (0.0, 0.1, 10.0)
    )
    assert contradiction([step()], there) == pytest.approx(0.0, abs=1e-9)
    costs = [contradiction([step()], poses) for poses in (slip, lie)]
    assert 5.0 < costs[0] < costs[1] < 5 * costs[0]
    assert contradiction([step(translation_sigma=math.inf)], lie) == pytest.approx(0.0, abs=1e-9)
    nowhere = np.stack([np.eye(4), np.full((4, 4), np.nan)])
    assert contradiction([step()], nowhere) == 0.0


def test_steps_lead_from_a_known_camera_to_all_that_are_linked_with_lengths():
    known = {1: np.eye(4)}
    relative = [step(2, 3), step(1, 2), step(0, 1), step(3, 4, translation_sigma=math.inf)]
    found = poses_along(known, relative, {})
    assert set(found) == {0, 1, 2, 3}
    np.testing.assert_allclose(found[3], STEP @ STEP)
    np.testing.assert_allclose(found[0], se3.inverse(STEP), atol=1e-12)


def test_rotations_that_are_known_better_steer_the_steps():
    still = np.eye(3)
    found = poses_along({0: np.eye(4)}, [step(0, 1), step(1, 2)], {1: still})
    np.testing.assert_array_equal(found[1][:3, :3], still)
    np.testing.assert_allclose(found[2][:3, 3], 2 * STEP[:3, 3])
