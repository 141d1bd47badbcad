import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw, matrix_from_rotation_vector
from vggt_ros.mapping.registration.up_direction import (
    across,
    turn_onto,
    turn_upright,
    up_of_window,
    UpDirection,
)


def unit(vector):
    return np.asarray(vector, float) / np.linalg.norm(vector)


def up(direction, sigma_rad=0.01):
    return UpDirection(along_axes=unit(direction), sigma_rad=sigma_rad)


def test_a_direction_is_turned_the_shortest_way_onto_another_also_if_they_are_opposite():
    rng = np.random.default_rng(0)
    pairs = [(unit(a), unit(b)) for a, b in rng.normal(size=(20, 2, 3))]
    ahead = unit([1, 0, 0])
    for a, b in [*pairs, (ahead, ahead), (ahead, -ahead)]:
        vector = turn_onto(a, b)
        np.testing.assert_allclose(matrix_from_rotation_vector(vector) @ a, b, atol=1e-9)
        assert np.linalg.norm(vector) == pytest.approx(np.arccos(np.clip(a @ b, -1, 1)), abs=1e-7)


def test_a_map_that_lies_on_its_side_is_set_upright():
    turn = turn_upright(np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(turn @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(turn @ [1, 0, 0], [1, 0, 0], atol=1e-12)


def test_axes_across_a_direction_are_two_of_length_one():
    direction = unit([1.0, -2.0, 0.5])
    axes = np.column_stack([across(direction), direction])
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)


def test_what_frames_say_is_brought_together_along_the_axes_of_their_window():
    rng = np.random.default_rng(1)
    true = unit([0.1, -0.9, 0.2])
    rotations = matrix_from_quat_xyzw(rng.normal(size=(5, 4)))
    poses = np.stack([se3.rigid(each, np.zeros(3)) for each in rotations])
    ups = [up(each.T @ true, 0.02) for each in rotations]
    ups[1] = None
    ups[3] = up(rotations[3].T @ -true)  # of a frame that is left out
    is_inlier = np.array([True, True, True, False, True])
    found = up_of_window(poses, is_inlier, ups)
    np.testing.assert_allclose(found.along_axes, true, atol=1e-12)
    assert found.sigma_rad == pytest.approx(0.02), 'many frames are no surer of its mounting'


def test_frames_that_contradict_each_other_are_less_sure():
    poses = np.tile(np.eye(4), (2, 1, 1))
    found = up_of_window(poses, np.ones(2, bool), [up([0.2, 0, 1]), up([-0.2, 0, 1])])
    assert found.sigma_rad == pytest.approx(0.1, rel=0.1)


def test_a_window_of_which_no_frame_knows_knows_nothing():
    poses = np.tile(np.eye(4), (2, 1, 1))
    all_in = np.ones(2, bool)
    assert up_of_window(poses, all_in, ()) is None
    assert up_of_window(poses, all_in, (None, None)) is None
    assert up_of_window(poses, ~all_in, (up([0, 0, 1]),) * 2) is None
    assert up_of_window(poses, all_in, (up([0, 0, 1]), up([0, 0, -1]))) is None
