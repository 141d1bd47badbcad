"""The other matrices of tf_transformations; the real package passes it, too, up to NumPy 1."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

tf = pytest.importorskip('tf_transformations')

pytestmark = pytest.mark.ros

vectors = st.tuples(*[st.floats(-10.0, 10.0)] * 3).filter(lambda v: math.hypot(*v) > 0.1)


def transformed(matrix, point):
    x, y, z, w = matrix @ [*point, 1.0]
    return np.array([x, y, z]) / w


@given(vectors, vectors, vectors, vectors)
def test_transform_is_composed_of_its_parts(scale, shear, rotation, translation):
    scale = np.copysign(np.abs(scale) + 0.1, scale)
    shear = np.array(shear) / 10.0
    matrix = tf.compose_matrix(scale, shear, rotation, translation)
    expected = (
        tf.translation_matrix(translation)
        @ tf.euler_matrix(*rotation)
        @ np.diag([*scale, 1.0])
        @ [[1, shear[0], shear[1], 0], [0, 1, shear[2], 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    )
    assert np.allclose(matrix, expected)
    parts = tf.decompose_matrix(matrix)
    assert parts[4] is None
    assert np.allclose(tf.compose_matrix(*parts), matrix, atol=1e-6)
    assert np.allclose(tf.translation_from_matrix(matrix), translation)


def test_nothing_composed_is_the_identity():
    assert np.array_equal(tf.compose_matrix(), tf.identity_matrix())
    assert np.array_equal(tf.concatenate_matrices(), np.eye(4))


def test_last_matrix_acts_first():
    move, turn = tf.translation_matrix((1, 0, 0)), tf.rotation_matrix(math.pi / 2, (0, 0, 1))
    assert np.allclose(transformed(tf.concatenate_matrices(turn, move), (0, 0, 0)), (0, 1, 0))


@given(vectors, vectors)
def test_reflection_mirrors_in_its_plane(point, normal):
    matrix = tf.reflection_matrix(point, normal)
    assert np.allclose(transformed(matrix, np.add(point, normal)), np.subtract(point, normal))
    read_point, read_normal = tf.reflection_from_matrix(matrix)
    assert tf.is_same_transform(tf.reflection_matrix(read_point, read_normal), matrix)


def test_scaling_leaves_its_origin_in_place():
    matrix = tf.scale_matrix(-2.0, (1, 2, 3))
    assert np.allclose(transformed(matrix, (2, 2, 3)), (-1, 2, 3))
    along = tf.scale_matrix(3.0, (1, 2, 3), (0, 1, 0))
    assert np.allclose(transformed(along, (5, 4, 9)), (5, 8, 9))
    for scaling in (matrix, along):
        assert tf.is_same_transform(tf.scale_matrix(*tf.scale_from_matrix(scaling)), scaling)


def test_shear_moves_along_its_plane():
    matrix = tf.shear_matrix(math.pi / 4, (1, 0, 0), (0, 0, 2), (0, 0, 1))
    assert np.allclose(transformed(matrix, (5, 6, 2)), (5, 6, 2))
    assert np.allclose(transformed(matrix, (5, 6, 4)), (7, 6, 4))
    assert np.allclose(tf.shear_matrix(*tf.shear_from_matrix(matrix)), matrix)


@settings(max_examples=50)
@given(vectors, vectors, vectors, vectors)
def test_projection_lands_on_its_plane(point, normal, other, direction):
    normal = np.array(normal) / np.linalg.norm(normal)
    slope = np.dot(direction, normal)
    eye_height = np.dot(np.subtract(other, point), normal)
    if min(abs(slope), abs(eye_height)) < 0.1:
        return
    target = np.add(point, [1.0, -2.0, 0.5])
    straight = transformed(tf.projection_matrix(point, normal), target)
    slanted = transformed(tf.projection_matrix(point, normal, direction), target)
    for landed, way in ((straight, normal), (slanted, direction)):
        assert np.isclose(np.dot(landed - point, normal), 0.0, atol=1e-6)
        assert np.allclose(np.cross(target - landed, way), 0.0, atol=1e-5)
    perspective = tf.projection_matrix(point, normal, perspective=other)
    depth = np.dot(np.subtract(other, target), normal)
    if abs(depth) > 0.1:
        landed = transformed(perspective, target)
        assert np.isclose(np.dot(landed - point, normal), 0.0, atol=1e-4)
        assert np.allclose(np.cross(landed - other, target - other), 0.0, atol=1e-3)
    pseudo = tf.projection_matrix(point, normal, perspective=other, pseudo=True)
    assert np.allclose(tf.projection_matrix(point, normal) @ pseudo, perspective)


@pytest.mark.parametrize(
    'arguments',
    [
        {},
        {'direction': (1, 2, 2)},
        {'perspective': (5, 6, 9)},
        {'perspective': (5, 6, 9), 'pseudo': True},
        {'perspective': (0, 0, 2)},  # multiplies the plane's points by 1
    ],
)
def test_projection_is_read_from_its_matrix(arguments):
    point = np.array([1.0, 2.0, 3.0]) if len(arguments) else np.array([0.0, 0.0, 1.0])
    normal = (0.0, 0.6, 0.8)
    matrix = tf.projection_matrix(point, normal, **arguments)
    is_pseudo = arguments.get('pseudo', False)
    read = tf.projection_from_matrix(matrix, pseudo=is_pseudo)
    assert read[4] == is_pseudo
    assert (read[3] is None) == ('perspective' not in arguments)
    assert np.isclose(abs(np.dot(read[1], normal)), 1.0)
    assert tf.is_same_transform(tf.projection_matrix(*read), matrix)


@pytest.mark.parametrize('matrix', [np.eye(4), np.diag([1.0, 2.0, 3.0, 1.0])])
def test_matrix_that_projects_nothing_is_refused(matrix):
    with pytest.raises(ValueError, match='eigenvalue 0'):
        tf.projection_from_matrix(matrix)


def test_frustum_becomes_the_unit_cube():
    bounds = {'left': -1.0, 'right': 3.0, 'bottom': 2.0, 'top': 5.0, 'near': 1.0, 'far': 9.0}
    box = tf.clip_matrix(**bounds)
    assert np.allclose(transformed(box, (-1, 2, 1)), (-1, -1, -1))
    assert np.allclose(transformed(box, (3, 5, 9)), (1, 1, 1))
    pyramid = tf.clip_matrix(**bounds, perspective=True)
    assert np.allclose(transformed(pyramid, (-1, 2, 1)), (-1, -1, -1))
    assert np.allclose(transformed(pyramid, (3 * 9, 5 * 9, 9)), (1, 1, 1))


@pytest.mark.parametrize(
    ('bounds', 'perspective'),
    [
        ((1, 1, 0, 1, 1, 2), False),
        ((0, 1, 1, 0, 1, 2), False),
        ((0, 1, 0, 1, 3, 2), False),
        ((0, 1, 0, 1, 0, 2), True),
    ],
)
def test_empty_frustum_is_refused(bounds, perspective):
    with pytest.raises(ValueError, match='invalid frust'):
        tf.clip_matrix(*bounds, perspective)


def test_crystal_cell_has_its_lengths_and_angles():
    cell = tf.orthogonalization_matrix((3.0, 4.0, 5.0), (80.0, 95.0, 110.0))[:3, :3]
    gram = cell.T @ cell
    assert np.allclose(np.sqrt(np.diag(gram)), (3, 4, 5))
    cosines = gram[1, 2] / 20, gram[0, 2] / 15, gram[0, 1] / 12
    assert np.allclose(np.degrees(np.arccos(cosines)), (80, 95, 110))


@pytest.mark.parametrize('usesvd', [True, False])
@pytest.mark.parametrize('scaling', [True, False])
def test_points_are_superimposed(usesvd, scaling):
    points = np.random.default_rng(3).normal(size=(3, 20))
    scale = 2.5 if scaling else 1.0
    true = tf.translation_matrix((1, 2, 3)) @ tf.euler_matrix(2, 1, 3) @ tf.scale_matrix(scale)
    moved = true[:3, :3] @ points + true[:3, 3:]
    assert np.allclose(tf.superimposition_matrix(points, moved, scaling, usesvd), true)


@pytest.mark.parametrize('usesvd', [True, False])
def test_superposition_never_mirrors(usesvd):
    points = np.random.default_rng(3).normal(size=(3, 20))
    matrix = tf.superimposition_matrix(points, points * [[1], [1], [-1]], usesvd=usesvd)
    assert np.isclose(np.linalg.det(matrix), 1.0)


@pytest.mark.parametrize('shapes', [((3, 2), (3, 2)), ((3, 5), (3, 6))])
def test_unlike_points_are_not_superimposed(shapes):
    with pytest.raises(ValueError, match=r'.'):
        tf.superimposition_matrix(np.zeros(shapes[0]), np.zeros(shapes[1]))


def test_norms_and_units_follow_an_axis():
    data = np.arange(24.0).reshape(2, 3, 4) + 1.0
    norms = np.sqrt((data**2).sum(axis=1))
    assert np.allclose(tf.vector_norm(data, axis=1), norms)
    assert np.allclose(tf.unit_vector(data, axis=1), data / norms[:, None])
    out = np.empty((2, 4))
    assert tf.vector_norm(data, axis=1, out=out) is None
    assert np.allclose(out, norms)
    units = np.empty_like(data)
    assert tf.unit_vector(data, axis=1, out=units) is None
    assert np.allclose(units, data / norms[:, None])
    assert tf.vector_norm([3, 4]) == 5.0
    assert np.allclose(tf.unit_vector([3, 4]), [0.6, 0.8])


def test_singular_matrix_has_no_inverse():
    assert np.allclose(tf.inverse_matrix(2 * np.eye(3)), np.eye(3) / 2)
    with pytest.raises(np.linalg.LinAlgError):
        tf.inverse_matrix(np.zeros((4, 4)))


def test_transforms_are_the_same_up_to_a_factor():
    assert tf.is_same_transform(np.eye(4), 3 * np.eye(4))
    assert not tf.is_same_transform(np.eye(4), tf.rotation_matrix(0.1, (1, 0, 0)))
