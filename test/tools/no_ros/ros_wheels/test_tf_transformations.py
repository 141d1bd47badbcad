"""The rotations this project relies on in tf_transformations; the real package passes, too."""

import math

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

tf = pytest.importorskip('tf_transformations')

pytestmark = pytest.mark.ros

AXES = sorted(
    frame + first + second + third
    for frame in 'sr'
    for first in 'xyz'
    for second in 'xyz'
    for third in 'xyz'
    if first != second != third
)
BASIC = {'x': np.eye(3)[0], 'y': np.eye(3)[1], 'z': np.eye(3)[2]}

angles = st.floats(-3.1, 3.1)
vectors = st.tuples(*[st.floats(-10.0, 10.0)] * 3).filter(lambda v: math.hypot(*v) > 0.1)
quaternions = st.tuples(*[st.floats(-1.0, 1.0)] * 4).filter(lambda q: math.hypot(*q) > 0.1)


def transformed(matrix, point):
    x, y, z, w = matrix @ [*point, 1.0]
    return np.array([x, y, z]) / w


def same_rotation(quat0, quat1):
    return np.allclose(quat0, quat1) or np.allclose(quat0, np.negative(quat1))


def test_quaternions_have_w_last():
    half = math.sqrt(0.5)
    assert np.allclose(tf.quaternion_about_axis(math.pi / 2, (0, 0, 1)), [0, 0, half, half])
    assert np.allclose(tf.quaternion_from_euler(0, 0, math.pi / 2), [0, 0, half, half])
    assert np.allclose(tf.quaternion_from_matrix(np.eye(4)), [0, 0, 0, 1])
    turned = tf.quaternion_matrix([0, 0, half, half]) @ [1, 0, 0, 1]
    assert np.allclose(turned, [0, 1, 0, 1])


def test_roll_pitch_yaw_turn_about_fixed_axes():
    roll, pitch, yaw = 0.3, -0.4, 1.2
    expected = (
        tf.rotation_matrix(yaw, BASIC['z'])
        @ tf.rotation_matrix(pitch, BASIC['y'])
        @ tf.rotation_matrix(roll, BASIC['x'])
    )
    assert np.allclose(tf.euler_matrix(roll, pitch, yaw), expected)
    assert np.allclose(
        tf.euler_from_quaternion(tf.quaternion_from_matrix(expected)), [0.3, -0.4, 1.2]
    )


@pytest.mark.parametrize('axes', AXES)
def test_every_axis_sequence_is_a_product_of_turns(axes):
    turns = [
        tf.rotation_matrix(angle, BASIC[axis])
        for angle, axis in zip((0.7, -0.2, 1.1), axes[1:], strict=True)
    ]
    if axes[0] == 's':
        turns.reverse()
    expected = turns[0] @ turns[1] @ turns[2]
    assert np.allclose(tf.euler_matrix(0.7, -0.2, 1.1, axes), expected)
    assert np.allclose(tf.euler_matrix(0.7, -0.2, 1.1, tf._AXES2TUPLE[axes]), expected)
    assert np.allclose(tf.euler_matrix(*tf.euler_from_matrix(expected, axes), axes), expected)
    quaternion = tf.quaternion_from_euler(0.7, -0.2, 1.1, axes)
    assert np.allclose(tf.quaternion_matrix(quaternion), expected)


def test_table_of_axis_sequences_is_complete():
    assert sorted(tf._AXES2TUPLE) == AXES
    assert tf._AXES2TUPLE['sxyz'] == (0, 0, 0, 0)
    assert tf._AXES2TUPLE['rzyx'] == (0, 0, 0, 1)
    assert all(tf._TUPLE2AXES[code] == name for name, code in tf._AXES2TUPLE.items())


def test_unknown_axis_sequence_is_a_key_error():
    with pytest.raises(KeyError):
        tf.euler_matrix(1, 2, 3, 'sxxz')


@given(quaternions, quaternions)
def test_product_of_quaternions_is_that_of_their_matrices(quat0, quat1):
    product = tf.quaternion_matrix(tf.quaternion_multiply(quat1, quat0))
    assert np.allclose(product, tf.quaternion_matrix(quat1) @ tf.quaternion_matrix(quat0))


@given(quaternions)
def test_inverse_quaternion_undoes(quat):
    assert np.allclose(tf.quaternion_multiply(quat, tf.quaternion_inverse(quat)), [0, 0, 0, 1])
    assert np.allclose(tf.quaternion_conjugate(quat), np.array(quat) * [-1, -1, -1, 1])


@given(quaternions)
def test_quaternion_comes_back_from_its_matrix(quat):
    unit = np.array(quat) / np.linalg.norm(quat)
    assert same_rotation(tf.quaternion_from_matrix(tf.quaternion_matrix(quat)), unit)


def test_rotation_is_read_from_a_scaled_matrix():
    rotation = tf.euler_matrix(0.1, 0.2, 0.3)
    scaled = tf.concatenate_matrices(rotation, tf.compose_matrix(scale=(2, 3, 4)))
    assert np.allclose(tf.quaternion_from_matrix(scaled), tf.quaternion_from_matrix(rotation))


def test_no_quaternion_at_all_is_the_identity():
    assert np.allclose(tf.quaternion_matrix([0, 0, 0, 0]), np.eye(4))


@given(angles, vectors, vectors)
def test_rotation_about_a_point_comes_back(angle, axis, point):
    matrix = tf.rotation_matrix(angle, axis, point)
    assert np.allclose(transformed(matrix, point), point)
    assert np.allclose(transformed(matrix, np.add(point, axis)), np.add(point, axis))
    assert np.isclose(np.trace(matrix[:3, :3]), 1 + 2 * math.cos(angle))


def test_angle_axis_and_point_are_read_from_a_rotation():
    matrix = tf.rotation_matrix(0.4, (1, 2, 3), (4, 5, 6))
    angle, axis, point = tf.rotation_from_matrix(matrix)
    assert np.allclose(tf.rotation_matrix(angle, axis, point), matrix)
    with pytest.raises(ValueError, match='eigenvalue'):
        tf.rotation_from_matrix(tf.scale_matrix(2.0))


@given(quaternions, quaternions, st.floats(0.0, 1.0))
def test_slerp_turns_at_constant_speed(quat0, quat1, fraction):
    start, end = (np.array(q) / np.linalg.norm(q) for q in (quat0, quat1))
    between = tf.quaternion_slerp(quat0, quat1, fraction)
    assert np.isclose(np.linalg.norm(between), 1.0)
    cosine = min(abs(start @ end), 1.0)
    # Where the arc closes, its angle is lost in rounding.
    if cosine < 1.0 - 1e-9:
        arc = math.acos(cosine)
        assert np.isclose(abs(start @ between), math.cos(fraction * arc), atol=1e-6)


def test_slerp_takes_the_shorter_way_unless_told_otherwise():
    start, end = [0.0, 0.0, 0.0, 1.0], np.negative(tf.quaternion_about_axis(1.0, (0, 0, 1)))
    half_way = tf.quaternion_about_axis(0.5, (0, 0, 1))
    assert np.allclose(tf.quaternion_slerp(start, end, 0.5), half_way)
    long_way = tf.quaternion_slerp(start, end, 0.5, shortestpath=False)
    assert not same_rotation(long_way, half_way)
    assert np.allclose(tf.quaternion_slerp(start, end, 1.0), end)
    assert np.allclose(tf.quaternion_slerp([0, 0, 0, 2], end, 0.0), start)
    spun = tf.quaternion_slerp(start, [0, 0, 1, 0], 0.5, spin=2)
    assert np.isclose(abs(spun[3]), abs(math.cos(1.25 * math.pi)))


def test_random_rotations_cover_all_directions():
    np.random.seed(5)  # noqa: NPY002 - the generator under test is the global one
    turned = np.array([tf.random_rotation_matrix()[:3, 0] for _ in range(2000)])
    assert np.allclose(np.linalg.norm(turned, axis=1), 1.0)
    # Standard error of a mean of coordinates on the sphere: 1 / sqrt(3 * 2000) = 0.013.
    assert np.all(np.abs(turned.mean(axis=0)) < 0.06)
    assert np.allclose(turned.T @ turned / 2000, np.eye(3) / 3, atol=0.04)
    assert np.allclose(tf.random_quaternion([0.0, 0.0, 0.0]), [0, 1, 0, 0])
    with pytest.raises(AssertionError):
        tf.random_quaternion([0.5, 0.5])
    assert tf.random_vector((2, 3)).shape == (2, 3)
