import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.mapping.registration.point_registration import register_by_points, SharedPoints

EYE = np.repeat(np.eye(4)[None], 2, axis=0)


def shared(log_ratio):
    log_ratio = np.asarray(log_ratio, dtype=float)
    points = np.zeros((len(log_ratio), 3))
    return SharedPoints(in_map=points, in_submap=points, log_depth_ratio=log_ratio)


def registered(log_ratio, in_map=EYE, in_submap=EYE, median_depth=2.0):
    return register_by_points((3, 4), in_map, in_submap, shared(log_ratio), median_depth)


def test_a_window_that_was_adjusted_in_the_map_is_where_it_belongs():
    found = registered(0.01 * np.random.default_rng(0).normal(size=50))
    assert found.map_from_submap.scale == 1.0
    np.testing.assert_array_equal(found.map_from_submap.rotation, np.eye(3))
    np.testing.assert_array_equal(found.map_from_submap.translation, np.zeros(3))
    assert found.frame_ids == (3, 4)
    assert found.num_pixels == 50


def test_how_far_points_agree_tells_how_sure_the_scale_is():
    rng = np.random.default_rng(1)
    sharp, blurred = (registered(sigma * rng.normal(size=200)) for sigma in (0.01, 0.1))
    assert blurred.scale_residual == pytest.approx(0.1, rel=0.3)
    assert blurred.log_scale_sigma > 3.0 * sharp.log_scale_sigma


def test_more_points_make_the_scale_surer_only_up_to_a_number():
    rng = np.random.default_rng(2)
    few, many, more = (
        registered(0.1 * rng.permutation(np.linspace(-1, 1, count))) for count in (13, 100, 1000)
    )
    assert many.log_scale_sigma < 0.8 * few.log_scale_sigma
    assert more.log_scale_sigma == pytest.approx(many.log_scale_sigma, rel=0.05)


def test_a_scale_that_is_off_is_not_sure():
    found = registered(np.full(50, 0.04))
    assert found.log_scale_sigma == pytest.approx(0.04)


def test_no_scale_is_surer_than_a_limit_and_few_points_tell_none():
    assert registered(np.zeros(50)).log_scale_sigma == pytest.approx(1e-3)
    assert registered(np.zeros(5)).log_scale_sigma == pytest.approx(0.02)
    assert registered(np.zeros(5)).scale_residual == 0.0


def test_residuals_are_those_of_the_worst_shared_camera():
    moved = EYE.copy()
    turn = matrix_from_rotation_vector(np.array([0.0, 0.05, 0.0]))
    moved[1] = se3.rigid(turn, np.array([0.3, 0.0, 0.4]))
    found = registered(np.zeros(50), in_submap=moved)
    assert found.rotation_residual_rad == pytest.approx(0.05)
    assert found.translation_residual == pytest.approx(0.25)
