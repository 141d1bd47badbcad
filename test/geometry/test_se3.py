from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from vggt_ros.geometry.se3 import inverse, is_rigid, rigid, transform

seeds = given(seed=st.integers(0, 2**32 - 1))


@pytest.fixture(scope='session')
def random_pose(random_rotation):
    def make(rng):
        return rigid(random_rotation(rng), rng.normal(size=3))

    return make


@seeds
def test_the_inverse_leads_back(seed, random_pose):
    rng = np.random.default_rng(seed)
    b_from_a, points_in_a = random_pose(rng), rng.normal(size=(6, 3))
    restored = transform(inverse(b_from_a), transform(b_from_a, points_in_a))
    np.testing.assert_allclose(restored, points_in_a, atol=1e-12)


@seeds
def test_a_product_applies_the_right_factor_first(seed, random_pose):
    rng = np.random.default_rng(seed)
    c_from_b, b_from_a, points_in_a = random_pose(rng), random_pose(rng), rng.normal(size=(6, 3))
    expected = transform(c_from_b, transform(b_from_a, points_in_a))
    np.testing.assert_allclose(transform(c_from_b @ b_from_a, points_in_a), expected, atol=1e-12)


@seeds
def test_many_poses_are_inverted_as_one_by_one(seed, random_pose):
    rng = np.random.default_rng(seed)
    poses = np.stack([random_pose(rng) for _ in range(3)])
    np.testing.assert_allclose(inverse(poses), np.stack([inverse(pose) for pose in poses]))


def test_points_keep_their_shape_and_precision(random_pose):
    points = np.zeros((4, 5, 3), np.float32)
    moved = transform(random_pose(np.random.default_rng(0)), points)
    assert moved.shape == (4, 5, 3)
    assert moved.dtype == np.float32


@pytest.mark.parametrize(
    'matrix',
    [
        np.diag([1.0, 1.0, -1.0, 1.0]),
        np.diag([2.0, 1.0, 1.0, 1.0]),
        np.diag([1.0, 1.0, 1.0, 2.0]),
        np.full((4, 4), np.nan),
    ],
    ids=['mirror', 'stretch', 'last row', 'nan'],
)
def test_what_is_not_rigid_is_told_apart(matrix, random_pose):
    assert is_rigid(random_pose(np.random.default_rng(1)))
    assert not is_rigid(matrix)
