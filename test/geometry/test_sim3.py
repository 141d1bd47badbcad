from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.se3 import rigid, transform
from vggt_ros.geometry.sim3 import align_se3, align_sim3, Sim3

seeds = given(seed=st.integers(0, 2**32 - 1))


@seeds
def test_the_inverse_undoes_apply(seed, random_sim3):
    rng = np.random.default_rng(seed)
    b_from_a, points_in_a = random_sim3(rng), rng.normal(size=(5, 3))
    restored = b_from_a.inverse().apply(b_from_a.apply(points_in_a))
    np.testing.assert_allclose(restored, points_in_a, atol=1e-9)


@seeds
def test_composition_applies_the_right_factor_first(seed, random_sim3):
    rng = np.random.default_rng(seed)
    c_from_b, b_from_a, points_in_a = random_sim3(rng), random_sim3(rng), rng.normal(size=(5, 3))
    expected = c_from_b.apply(b_from_a.apply(points_in_a))
    np.testing.assert_allclose((c_from_b @ b_from_a).apply(points_in_a), expected, atol=1e-9)


@seeds
def test_a_moved_pose_maps_scaled_points_to_where_the_similarity_does(
    seed, random_sim3, random_rotation
):
    rng = np.random.default_rng(seed)
    b_from_a, a_from_cam = random_sim3(rng), rigid(random_rotation(rng), rng.normal(size=3))
    points_in_cam = rng.normal(size=(5, 3))
    b_from_cam = b_from_a.apply_to_pose(a_from_cam)
    expected = b_from_a.apply(transform(a_from_cam, points_in_cam))
    actual = transform(b_from_cam, b_from_a.scale * points_in_cam)
    np.testing.assert_allclose(actual, expected, atol=1e-9)


@seeds
def test_alignment_recovers_the_similarity(seed, random_sim3):
    rng = np.random.default_rng(seed)
    b_from_a, points_in_a = random_sim3(rng), rng.normal(size=(20, 3))
    estimate = align_sim3(points_in_a, b_from_a.apply(points_in_a))
    np.testing.assert_allclose(estimate.scale, b_from_a.scale)
    np.testing.assert_allclose(estimate.rotation, b_from_a.rotation, atol=1e-9)
    np.testing.assert_allclose(estimate.translation, b_from_a.translation, atol=1e-9)


@seeds
def test_points_of_a_plane_are_enough(seed, random_sim3):
    rng = np.random.default_rng(seed)
    b_from_a, points_in_a = random_sim3(rng), rng.normal(size=(8, 3)) * (1, 1, 0)
    estimate = align_sim3(points_in_a, b_from_a.apply(points_in_a))
    np.testing.assert_allclose(estimate.rotation, b_from_a.rotation, atol=1e-8)


@seeds
def test_no_similarity_nearby_fits_noisy_points_better(seed, random_sim3, random_rotation):
    rng = np.random.default_rng(seed)
    points_in_a, b_from_a = rng.normal(size=(15, 3)), random_sim3(rng)
    points_in_b = b_from_a.apply(points_in_a) + 0.1 * rng.normal(size=(15, 3))
    best = align_sim3(points_in_a, points_in_b)

    def cost(transform):
        return ((transform.apply(points_in_a) - points_in_b) ** 2).sum()

    for step in np.eye(3) * 1e-3:
        assert cost(best) <= cost(Sim3(best.scale, best.rotation, best.translation + step))
    for factor in (0.999, 1.001):
        assert cost(best) <= cost(Sim3(best.scale * factor, best.rotation, best.translation))


def test_mirrored_points_get_a_rotation_not_a_mirror():
    points = np.random.default_rng(0).normal(size=(10, 3))
    assert np.linalg.det(align_sim3(points, points * (1, 1, -1)).rotation) == pytest.approx(1)


@seeds
def test_rigid_alignment_holds_the_scale(seed, random_sim3):
    rng = np.random.default_rng(seed)
    b_from_a, points_in_a = random_sim3(rng), rng.normal(size=(20, 3))
    estimate = align_se3(points_in_a, b_from_a.apply(points_in_a))
    assert estimate.scale == 1
    np.testing.assert_allclose(estimate.rotation, b_from_a.rotation, atol=1e-9)


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_points_on_a_line_are_refused(dtype):
    line = (np.outer(np.linspace(0, 4, 9), [1.0, 2.0, 3.3]) + np.array([5, 6, 7])).astype(dtype)
    with pytest.raises(AlignmentError, match='collinear'):
        align_sim3(line, line)


def test_one_repeated_point_is_refused():
    with pytest.raises(AlignmentError, match='collinear'):
        align_sim3(np.ones((5, 3)), np.ones((5, 3)))


def test_two_points_are_refused():
    with pytest.raises(AlignmentError, match='at least 3'):
        align_sim3(np.eye(3)[:2], np.eye(3)[:2])


def test_points_that_are_not_finite_are_refused():
    broken = np.eye(3)
    broken[0, 0] = np.nan
    with pytest.raises(AlignmentError, match='finite'):
        align_se3(broken, np.eye(3))


def test_shapes_are_checked_while_the_tests_run():
    with pytest.raises(TypeCheckError):
        align_sim3(np.zeros((4, 2)), np.zeros((4, 2)))


def test_points_without_weight_do_not_count(rng):
    points = rng.normal(size=(12, 3))
    expected = Sim3(1.7, np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.array([1.0, 2, 3]))
    moved = expected.apply(points)
    moved[:4] += rng.normal(size=(4, 3))
    weights = np.array([0.0] * 4 + [1.0, 2.0] * 4)
    found = align_sim3(points, moved, weights)
    assert found.scale == pytest.approx(1.7)
    np.testing.assert_allclose(found.rotation, expected.rotation, atol=1e-9)
    np.testing.assert_allclose(found.translation, expected.translation, atol=1e-9)
    assert align_sim3(points, moved).scale != pytest.approx(1.7, abs=1e-3)
