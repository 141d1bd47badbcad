import numpy as np
import pytest

from vggt_ros.mapping.refinement.bundle_adjustment import Geometry, Problem
from vggt_ros.mapping.refinement.focal_search import (
    best_focal_factor,
    is_clear_gain,
    with_focal_factor,
)


def found_factor(window, believed, num_points=150, log_sigma=0.1):
    K = with_focal_factor(window.K, believed)
    geometry = Geometry(
        window_from_cam=window.window_from_cam, K=K, points=window.points[:num_points]
    )
    problem = Problem(uv=window.tracks.uv[:num_points], poses=(), distance=(0, 6))
    return best_focal_factor(geometry, problem, log_sigma)


@pytest.mark.parametrize('believed', [0.92, 1.08])
def test_a_wrong_focal_length_is_found(tracked, believed):
    assert believed * found_factor(tracked(), believed) == pytest.approx(1.0, abs=0.02)


def test_a_right_focal_length_stays(tracked):
    assert found_factor(tracked(), 1.0) == pytest.approx(1.0, abs=0.01)


def test_tracks_that_do_not_tell_leave_it_as_it_is(tracked):
    window = tracked()
    window.tracks.uv[:, 1:] = np.nan  # nothing to adjust, whatever the focal length
    assert found_factor(window, 1.08) == 1.0


def test_centers_and_the_given_matrix_stay(tracked):
    K = tracked().K
    before = K.copy()
    changed = with_focal_factor(K, 1.5)
    np.testing.assert_array_equal(K, before)
    np.testing.assert_array_equal(changed[:, :2, 2], K[:, :2, 2])
    np.testing.assert_allclose(changed[:, 0, 0], 1.5 * K[:, 0, 0])
    np.testing.assert_allclose(changed[:, 2, 2], 1.0)


def left(sigma_px, num_tracks=200):
    rng = np.random.default_rng(0)
    return np.linalg.norm(sigma_px * rng.normal(size=(num_tracks, 5, 2)), axis=-1)


def test_a_gain_of_chance_is_none():
    after = left(0.3)
    assert not is_clear_gain(after * 1.004, after, 1.05, 1.02)
    assert not is_clear_gain(after, after, 1.05, 1.0)


def test_much_less_than_before_is_a_gain():
    assert is_clear_gain(left(0.4), left(0.3), 1.05, 1.1)
    assert not is_clear_gain(left(0.3), left(0.4), 1.05, 1.1)


def test_a_larger_change_has_to_gain_more():
    before, after = left(0.32), left(0.3)
    assert is_clear_gain(before, after, 1.05, 1.05)
    assert not is_clear_gain(before, after, 1.05, 1.4)
    assert not is_clear_gain(before, after, 1.05, 1.0 / 1.4)


def test_few_observations_gain_nothing():
    assert not is_clear_gain(left(0.33, 5), left(0.3, 5), 1.05, 1.05)
    assert is_clear_gain(left(0.33), left(0.3), 1.05, 1.05)


def test_observations_that_fit_with_neither_say_nothing():
    before, after = left(0.3), left(0.3)
    before[:80], after[:80] = 300.0, 5.0
    before[80:90] = after[80:90] = np.nan
    assert not is_clear_gain(before, after, 1.05, 1.05)
