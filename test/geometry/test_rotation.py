from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.rotation import (
    angle_between,
    cross_matrix,
    matrix_from_quat_xyzw,
    matrix_from_rotation_vector,
    mean_rotation,
    nearest_rotation,
    quat_wxyz_from_matrix,
    quat_xyzw_from_matrix,
    rotation_angle,
    rotation_vector_from_matrix,
)

seeds = given(seed=st.integers(0, 2**32 - 1))


@seeds
def test_quaternions_become_the_same_matrices_as_in_scipy(seed):
    quat_xyzw = np.random.default_rng(seed).normal(size=(5, 4))
    expected = Rotation.from_quat(quat_xyzw).as_matrix()
    np.testing.assert_allclose(matrix_from_quat_xyzw(quat_xyzw), expected, atol=1e-12)


@seeds
def test_a_matrix_survives_the_way_through_a_quaternion(seed):
    rotation = Rotation.random(7, rng=seed).as_matrix().reshape(7, 3, 3)
    quat_xyzw = quat_xyzw_from_matrix(rotation)
    np.testing.assert_allclose(np.linalg.norm(quat_xyzw, axis=1), 1, atol=1e-12)
    assert (quat_xyzw[:, 3] >= 0).all()
    np.testing.assert_allclose(matrix_from_quat_xyzw(quat_xyzw), rotation, atol=1e-12)


@given(
    axis=st.sampled_from(
        [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, -1, 1), (1, -1, 1), (1, 1e-9, 0)]
    ),
    short_of_pi=st.sampled_from([0.0, 1e-12, 1e-9, 1e-6, 1e-3]),
)
def test_half_turns_keep_all_digits(axis, short_of_pi):
    axis = np.array(axis) / np.linalg.norm(axis)
    rotation = Rotation.from_rotvec(axis * (np.pi - short_of_pi)).as_matrix()
    restored = matrix_from_quat_xyzw(quat_xyzw_from_matrix(rotation))
    np.testing.assert_allclose(restored, rotation, atol=1e-12)


@pytest.mark.parametrize('quat', [(0, 0, 0, 0), (0, 0, np.nan, 1), (np.inf, 0, 0, 1)])
def test_a_quaternion_that_is_no_rotation_is_refused(quat):
    with pytest.raises(AlignmentError, match='quaternion'):
        matrix_from_quat_xyzw(np.array(quat, dtype=float))


@given(seed=st.integers(0, 2**32 - 1), exponent=st.floats(-8, 0.49))
def test_the_angle_of_a_rotation_is_exact_down_to_tiny_ones(seed, exponent):
    angle = 10**exponent
    axis = np.random.default_rng(seed).normal(size=3)
    rotation = Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix()
    assert float(rotation_angle(rotation)) == pytest.approx(angle, rel=1e-6)


def test_the_angle_of_a_half_turn_is_pi():
    assert float(rotation_angle(np.diag([1.0, -1.0, -1.0]))) == pytest.approx(np.pi)


@seeds
def test_the_angle_between_rotations_does_not_depend_on_the_frame(seed, random_rotation):
    rng = np.random.default_rng(seed)
    a, b, turn = (random_rotation(rng) for _ in range(3))
    assert angle_between(turn @ a, turn @ b) == pytest.approx(angle_between(a, b), abs=1e-9)


@seeds
def test_the_nearest_rotation_is_a_rotation_and_leaves_rotations_alone(seed):
    rng = np.random.default_rng(seed)
    nearest = nearest_rotation(rng.normal(size=(4, 3, 3)))
    np.testing.assert_allclose(nearest @ np.swapaxes(nearest, 1, 2), [np.eye(3)] * 4, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(nearest), 1)
    np.testing.assert_allclose(nearest_rotation(nearest), nearest, atol=1e-9)


def test_the_nearest_rotation_of_a_mirror_image_is_not_a_mirror_image():
    nearest = nearest_rotation(np.diag([3.0, 2.0, -1.0]))
    np.testing.assert_allclose(nearest, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    'matrix', [np.zeros((3, 3)), np.ones((3, 3)), np.full((3, 3), np.nan)], ids=str
)
def test_a_matrix_near_no_rotation_is_refused(matrix):
    with pytest.raises(AlignmentError):
        nearest_rotation(matrix)


@seeds
def test_the_mean_of_turns_to_both_sides_is_the_middle(seed, random_rotation):
    rng = np.random.default_rng(seed)
    middle, turn = random_rotation(rng), Rotation.from_rotvec(0.3 * rng.normal(size=3)).as_matrix()
    both = np.stack([middle @ turn, middle @ turn.T])
    np.testing.assert_allclose(mean_rotation(both), middle, atol=1e-9)


def test_the_mean_follows_the_weights(random_rotation):
    rng = np.random.default_rng(0)
    pair = np.stack([random_rotation(rng), random_rotation(rng)])
    np.testing.assert_allclose(mean_rotation(pair, np.array([1.0, 0.0])), pair[0], atol=1e-12)


def test_the_mean_of_no_rotations_is_refused():
    with pytest.raises(AlignmentError, match='at least one'):
        mean_rotation(np.zeros((0, 3, 3)))


def test_a_rotation_vector_is_axis_times_angle():
    quarter = matrix_from_rotation_vector(np.array([0.0, 0.0, np.pi / 2]))
    np.testing.assert_allclose(quarter, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-15)
    np.testing.assert_array_equal(matrix_from_rotation_vector(np.zeros((2, 3))), [np.eye(3)] * 2)


@pytest.mark.parametrize('angle_rad', [1e-12, 1e-6, 0.1, 3.0])
def test_the_length_of_a_rotation_vector_is_its_angle(angle_rad):
    axis = np.array([0.6, -0.48, 0.64])
    rotation = matrix_from_rotation_vector(angle_rad * axis)
    assert rotation_angle(rotation) == pytest.approx(angle_rad, rel=1e-9)
    np.testing.assert_allclose(rotation @ axis, axis, atol=1e-12)


def test_a_rotation_vector_comes_back_from_its_matrix():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 3))
    vectors *= (rng.uniform(0, np.pi, 200) / np.linalg.norm(vectors, axis=1))[:, None]
    vectors[0], vectors[1] = 0.0, 1e-9
    found = rotation_vector_from_matrix(matrix_from_rotation_vector(vectors))
    np.testing.assert_allclose(found, vectors, atol=1e-7)


@seeds
def test_a_cross_matrix_times_a_vector_is_the_cross_product(seed):
    a, b = np.random.default_rng(seed).normal(size=(2, 5, 3))
    np.testing.assert_allclose(np.einsum('nij,nj->ni', cross_matrix(a), b), np.cross(a, b))
    np.testing.assert_array_equal(cross_matrix(a[0]), cross_matrix(a)[0])


@seeds
def test_w_comes_first_where_others_want_it_so(seed):
    rotations = Rotation.random(4, random_state=seed).as_matrix()
    xyzw, wxyz = quat_xyzw_from_matrix(rotations), quat_wxyz_from_matrix(rotations)
    np.testing.assert_array_equal(wxyz, xyzw[:, [3, 0, 1, 2]])
    np.testing.assert_array_equal(quat_wxyz_from_matrix(rotations[0]), wxyz[0])
