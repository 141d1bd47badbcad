import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement.triangulation import (
    largest_angle_rad,
    rays_in_window,
    reprojection_error_px,
    triangulate,
)


@pytest.fixture(scope='module')
def exact(tracked):
    return tracked(noise_px=0.0, num_points=80)


def test_without_noise_points_are_where_they_are(exact):
    rays = rays_in_window(exact.tracks.uv, exact.K, exact.window_from_cam)
    found = triangulate(rays, exact.window_from_cam)
    use = exact.tracks.is_seen.any(axis=1)
    np.testing.assert_allclose(found[use], exact.points[use], atol=1e-7)


def test_skew_counts(exact):
    K = exact.K.copy()
    K[:, 0, 1] = 7.0
    uv = exact.tracks.uv.copy()
    uv[..., 0] += 7.0 * (uv[..., 1] - K[:, 1, 2]) / K[:, 1, 1]
    rays = rays_in_window(uv, K, exact.window_from_cam)
    use = exact.tracks.is_seen.any(axis=1)
    found = triangulate(rays, exact.window_from_cam)
    np.testing.assert_allclose(found[use], exact.points[use], atol=1e-7)
    error_px = reprojection_error_px(found, uv, K, exact.window_from_cam)
    assert np.nanmax(error_px) < 1e-6


def test_a_ray_is_unknown_where_a_track_is_not_seen(exact):
    rays = rays_in_window(exact.tracks.uv, exact.K, exact.window_from_cam)
    np.testing.assert_array_equal(np.isfinite(rays).all(axis=-1), exact.tracks.is_seen)
    np.testing.assert_allclose(np.linalg.norm(rays[exact.tracks.is_seen], axis=1), 1.0)


def test_one_ray_meets_nothing(sideways):
    rays = np.full((1, 3, 3), np.nan)
    rays[0, 1] = 0.0, 0.0, 1.0
    assert np.isnan(triangulate(rays, sideways(0.0, 1.0, 2.0))).all()
    assert largest_angle_rad(rays)[0] == 0.0


def test_parallel_rays_meet_nowhere(sideways):
    rays = np.zeros((2, 3, 3))
    rays[0, :, 2] = 1.0
    rays[1] = np.array([0.6, 0.0, 0.8])
    assert np.isnan(triangulate(rays, sideways(0.0, 1.0, 2.0))).all()
    np.testing.assert_allclose(largest_angle_rad(rays), 0.0, atol=1e-7)


def test_the_largest_angle_of_a_track_counts(sideways):
    poses = sideways(0.0, 1.0, 2.0)
    points = np.array([[0.0, 0.0, 2.0]])
    to_point = points[:, None] - poses[None, :, :3, 3]
    rays = to_point / np.linalg.norm(to_point, axis=-1, keepdims=True)
    assert largest_angle_rad(rays)[0] == pytest.approx(np.radians(45.0))


def test_a_point_behind_a_camera_is_infinitely_far_off(sideways):
    K = np.repeat(np.diag([500.0, 500.0, 1.0])[None], 2, axis=0)
    poses = sideways(0.0, 0.5)
    poses[1, 2, 3] = 3.0  # beyond the point
    uv = np.zeros((2, 2, 2))
    uv[1, 0] = np.nan
    error_px = reprojection_error_px(np.array([[0.0, 0, 2], [0.0, 0, 2]]), uv, K, poses)
    assert error_px[0, 0] == pytest.approx(0.0)
    assert error_px[0, 1] == np.inf
    assert np.isnan(error_px[1, 0])


def test_the_error_is_in_pixels(exact):
    moved = exact.tracks.uv + np.array([3.0, 4.0])
    error_px = reprojection_error_px(exact.points, moved, exact.K, exact.window_from_cam)
    np.testing.assert_allclose(error_px[exact.tracks.is_seen], 5.0, atol=1e-6)


def test_where_points_meet_does_not_depend_on_the_frame(exact):
    turned = se3.rigid(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.array([5.0, 1, 2]))
    poses = turned @ exact.window_from_cam
    found = triangulate(rays_in_window(exact.tracks.uv, exact.K, poses), poses)
    use = exact.tracks.is_seen.any(axis=1)
    np.testing.assert_allclose(found[use], se3.transform(turned, exact.points)[use], atol=1e-6)


def test_the_error_is_told_over_the_standard_deviation_of_the_track(exact):
    moved = exact.tracks.uv + np.array([3.0, 4.0])
    sigma_px = np.linspace(1.0, 4.0, len(moved))
    error_px = reprojection_error_px(exact.points, moved, exact.K, exact.window_from_cam, sigma_px)
    expected = np.broadcast_to(5.0 / sigma_px[:, None], error_px.shape)
    is_seen = exact.tracks.is_seen
    np.testing.assert_allclose(error_px[is_seen], expected[is_seen], atol=1e-6)
