from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from vggt_ros.geometry.pinhole import crop_K, project, scale_K, unproject, unproject_depth

K = np.array([[300.0, 2.0, 155.0], [0.0, 310.0, 121.0], [0.0, 0.0, 1.0]])
seeds = given(seed=st.integers(0, 2**32 - 1))


@seeds
def test_unprojected_pixels_project_back(seed):
    rng = np.random.default_rng(seed)
    uv, depth = rng.uniform(0, 300, size=(9, 2)), rng.uniform(0.1, 50, size=9)
    points_in_cam = unproject(uv, depth, K)
    np.testing.assert_allclose(points_in_cam[:, 2], depth)
    np.testing.assert_allclose(project(points_in_cam, K), uv, atol=1e-9)


def test_points_beside_and_behind_the_camera_have_no_pixel():
    points_in_cam = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -2.0], [0.0, 0.0, 2.0]])
    np.testing.assert_array_equal(
        np.isnan(project(points_in_cam, K)).all(axis=1), [True, True, False]
    )


@seeds
def test_a_depth_image_is_unprojected_as_its_pixels_one_by_one(seed):
    depth = np.random.default_rng(seed).uniform(0.5, 9, size=(5, 7)).astype(np.float32)
    v, u = np.indices(depth.shape)
    expected = unproject(np.stack([u, v], axis=-1).astype(float), depth, K)
    np.testing.assert_allclose(unproject_depth(depth, K), expected, rtol=1e-5, atol=1e-5)


def test_depth_without_a_value_gives_points_without_a_value():
    points_in_cam = unproject_depth(np.full((2, 2), np.nan, np.float32), K)
    assert np.isnan(points_in_cam).all()


@seeds
def test_a_point_is_seen_at_the_resized_place_after_resizing(seed):
    rng = np.random.default_rng(seed)
    points_in_cam = rng.uniform(-1, 1, size=(5, 3)) + np.array([0, 0, 4])
    scale = rng.uniform(0.2, 3, size=2)
    expected = (project(points_in_cam, K) + 0.5) * scale - 0.5
    resized = project(points_in_cam, scale_K(K, *scale.tolist()))
    np.testing.assert_allclose(resized, expected, atol=1e-9)


@seeds
def test_a_point_is_seen_further_left_and_up_after_a_crop(seed):
    rng = np.random.default_rng(seed)
    points_in_cam = rng.uniform(-1, 1, size=(5, 3)) + np.array([0, 0, 4])
    cropped = project(points_in_cam, crop_K(K, 12.0, -3.0))
    np.testing.assert_allclose(cropped, project(points_in_cam, K) - (12, -3), atol=1e-9)
