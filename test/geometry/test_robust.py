from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.robust import (
    huber_mean,
    huber_mean_rotation,
    huber_weights,
    median_and_sigma,
)
from vggt_ros.geometry.rotation import angle_between, matrix_from_quat_xyzw

seeds = given(seed=st.integers(0, 2**32 - 1))


def test_sigma_is_the_standard_deviation_of_normal_numbers():
    values = np.random.default_rng(0).normal(3, 0.5, size=100_000)
    median, sigma = median_and_sigma(values)
    assert median == pytest.approx(3, abs=0.01)
    assert sigma == pytest.approx(0.5, abs=0.01)


def test_a_third_of_wild_numbers_hardly_moves_median_and_sigma():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(3, 0.5, size=2000), np.full(1000, 1e9)])
    median, sigma = median_and_sigma(values)
    assert median == pytest.approx(3.337, abs=0.05)  # upper quartile of the rest
    assert sigma < 1.2


def test_weights_fall_off_beyond_delta():
    weights = huber_weights(np.array([0.0, 0.5, 1.0, -2.0, 10.0]), 1.0)
    np.testing.assert_allclose(weights, [1, 1, 1, 0.5, 0.1])


@seeds
def test_within_delta_the_robust_mean_is_the_mean(seed):
    vectors = np.random.default_rng(seed).normal(size=(6, 3))
    np.testing.assert_allclose(huber_mean(vectors, 100.0), vectors.mean(axis=0), atol=1e-9)


@seeds
def test_one_wrong_vector_pulls_no_further_than_its_share_of_delta(seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(scale=1e-3, size=(5, 3))
    vectors[0] = 1e6 * rng.normal(size=3)
    assert np.linalg.norm(huber_mean(vectors, 0.01)) < 0.01


@seeds
def test_one_wrong_rotation_pulls_no_further_than_delta(seed, random_rotation):
    rng = np.random.default_rng(seed)
    truth = random_rotation(rng)
    wobble = np.concatenate([rng.normal(scale=1e-4, size=(5, 3)), np.ones((5, 1))], axis=1)
    rotations = truth @ matrix_from_quat_xyzw(wobble)
    rotations[0] = random_rotation(rng)
    assert angle_between(huber_mean_rotation(rotations, 0.01), truth) < 0.01


@seeds
def test_the_mean_of_one_rotation_is_that_rotation(seed, random_rotation):
    rotation = random_rotation(np.random.default_rng(seed))
    np.testing.assert_allclose(huber_mean_rotation(rotation[None], 0.01), rotation, atol=1e-9)


@pytest.mark.parametrize(
    'nothing',
    [
        lambda: median_and_sigma(np.zeros(0)),
        lambda: huber_mean(np.zeros((0, 3)), 1.0),
        lambda: huber_mean_rotation(np.zeros((0, 3, 3)), 1.0),
    ],
)
def test_nothing_has_no_mean(nothing):
    with pytest.raises(AlignmentError, match='at least one'):
        nothing()
