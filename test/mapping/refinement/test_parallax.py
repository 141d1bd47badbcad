import numpy as np
import pytest

from vggt_ros.mapping.refinement.parallax import fit_px, MOVING, noise_px, support, TURNING


def errors(shape, sigma_px, seed=0):
    rng = np.random.default_rng(seed)
    return np.linalg.norm(sigma_px * rng.normal(size=(*shape, 2)), axis=-1)


@pytest.mark.parametrize('sigma_px', [0.1, 0.3, 0.5])
def test_observations_fit_up_to_a_multiple_of_their_noise(sigma_px):
    # What is left of noise is less by the freedom that points and cameras took.
    num_points, num_cameras = 200, 5
    left = 1 - (3 * num_points + 6 * (num_cameras - 1)) / (2 * num_points * num_cameras)
    error_px = np.sqrt(left) * errors((num_points, num_cameras), sigma_px)
    found = fit_px(error_px, np.ones(error_px.shape, bool))
    assert found == pytest.approx(3.5 * sigma_px, rel=0.1)


def test_the_noise_is_that_of_inliers_alone():
    error_px = errors((200, 5), 0.2)
    error_px[:, 4] = 300.0
    error_px[:20, 0] = np.nan
    is_inlier = error_px < 2.0
    assert fit_px(error_px, is_inlier, TURNING) < 1.2


def test_what_is_left_of_too_few_observations_says_nothing_of_their_noise():
    error_px = np.full((6, 2), 1e-6)  # two rays nearly always meet
    assert fit_px(error_px, np.ones(error_px.shape, bool)) == 2.0
    assert fit_px(error_px, np.zeros(error_px.shape, bool)) == 2.0


def test_the_noise_of_most_observations_does_not_hear_of_their_tails():
    num_points, num_cameras = 300, 6
    left = 1 - (3 * num_points + 6 * (num_cameras - 1)) / (2 * num_points * num_cameras)
    error_px = np.sqrt(left) * errors((num_points, num_cameras), 0.1)
    error_px[:, 0] *= 8.0
    is_inlier = np.ones(error_px.shape, bool)
    assert noise_px(error_px, is_inlier) == pytest.approx(0.12, abs=0.02)
    assert fit_px(error_px, is_inlier) > 3.5 * 0.2
    assert noise_px(error_px, np.zeros_like(is_inlier)) == pytest.approx(2.0 / 3.5)
    assert noise_px(0.0 * error_px, is_inlier) == 0.02


def test_exact_observations_fit_up_to_a_quarter_of_a_pixel():
    assert fit_px(np.full((50, 6), 1e-9), np.ones((50, 6), bool)) == 0.25


def test_observations_that_unknowns_take_are_no_support():
    error_px = np.zeros((10, 4))
    assert support(error_px, 1.0, MOVING) == 10 * (4 - 1.5) - 3 * 3
    assert support(error_px, 1.0, TURNING) == 10 * (4 - 1.0) - 3 * 1.5
    assert support(error_px[:, :1], 1.0, MOVING) == 0.0


def test_an_observation_counts_less_up_to_the_limit_and_nothing_beyond():
    exact = np.zeros((10, 4))
    near, far, unseen = exact.copy(), exact.copy(), exact.copy()
    near[:, 0], far[:, 0], unseen[:, 0] = 0.5, 7.0, np.nan
    values = [support(each, 1.0, MOVING) for each in (exact, near, far)]
    assert values[0] - values[1] == pytest.approx(10 * 0.25)
    assert values[0] > values[1] > values[2]
    assert support(unseen, 1.0, MOVING) == values[2]


def test_a_track_that_fits_nowhere_takes_nothing_from_others():
    error_px = np.zeros((10, 4))
    more = np.concatenate([error_px, np.full((5, 4), 9.0)])
    assert support(more, 1.0, TURNING) == support(error_px, 1.0, TURNING)
