import numpy as np
import pytest

from vggt_ros.mapping.refinement.scattered_field import bilinear, fit_levels, ScatteredPoints

HEIGHT, WIDTH = 60, 80


def points_of(uv, *sigmas_px):
    return [ScatteredPoints.on_grid(uv, HEIGHT, WIDTH, sigma) for sigma in sigmas_px]


def image_of(points, fit):
    images = [
        scattered.image(level, HEIGHT, WIDTH)
        for scattered, level in zip(points, fit.levels, strict=True)
    ]
    return np.sum(images, axis=0)


def test_a_lone_point_has_its_whole_weight_where_it_is():
    uv = np.array([[40.0, 30.0]])
    for sigma_px in (3.0, 8.0):
        (points,) = points_of(uv, sigma_px)
        density = points.image(points.density(np.array([2.0])), HEIGHT, WIDTH)
        assert density[30, 40] == pytest.approx(2.0, rel=0.1)
        assert density[30, 40 + int(2 * sigma_px)] == pytest.approx(2 * np.exp(-2), rel=0.2)


def test_the_levels_go_through_a_slope_also_between_the_points(rng):
    uv = rng.uniform((0, 0), (WIDTH - 1, HEIGHT - 1), (300, 2))
    points = points_of(uv, 20.0, 10.0, 5.0)
    fit = fit_levels(points, 0.02 * uv[:, 0] - 0.01 * uv[:, 1], np.ones(300))
    v, u = np.mgrid[8 : HEIGHT - 8, 8 : WIDTH - 8]
    difference = image_of(points, fit)[8:-8, 8:-8] - (0.02 * u - 0.01 * v)
    assert np.abs(difference).mean() < 0.03
    assert np.abs(fit.residuals[-1]).mean() < 0.2 * np.abs(fit.residuals[0]).mean()


def test_far_from_all_points_the_field_is_zero():
    uv = np.array([[5.0, 5.0], [8.0, 6.0], [6.0, 9.0]])
    points = points_of(uv, 4.0)
    image = image_of(points, fit_levels(points, np.ones(3), np.ones(3)))
    assert image[5, 5] > 0.6
    assert np.abs(image[40:, 40:]).max() < 1e-3


def test_a_wrong_number_among_many_hardly_pulls(rng):
    uv = rng.uniform((0, 0), (WIDTH - 1, HEIGHT - 1), (200, 2))
    values = rng.normal(0, 0.01, 200)
    values[0] = 5.0
    points = points_of(uv, 10.0)
    image = image_of(points, fit_levels(points, values, np.ones(200)))
    assert np.abs(image).max() < 0.05


def test_a_point_of_weight_zero_is_left_out(rng):
    uv = rng.uniform((0, 0), (WIDTH - 1, HEIGHT - 1), (50, 2))
    values = rng.normal(size=50)
    weights = np.ones(50)
    weights[40:] = 0
    with_zeros = fit_levels(points_of(uv, 10.0, 5.0), values, weights)
    without = fit_levels(points_of(uv[:40], 10.0, 5.0), values[:40], weights[:40])
    for a, b in zip(with_zeros.levels, without.levels, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(with_zeros.residuals[:, :40], without.residuals, atol=1e-5)


def test_points_and_the_image_read_the_same_level(rng):
    v, u = rng.integers(0, HEIGHT, 50), rng.integers(0, WIDTH, 50)
    (points,) = points_of(np.stack([u, v], axis=1).astype(float), 9.0)
    level = rng.normal(size=points.shape).astype(np.float32)
    # OpenCV places samples on a grid of 1/32.
    np.testing.assert_allclose(
        points.read(level), points.image(level, HEIGHT, WIDTH)[v, u], atol=0.1
    )


def test_between_pixels_an_image_is_linear_and_its_rim_goes_on():
    image = np.array([[0.0, 1.0], [2.0, 3.0]])
    uv = np.array([[0.5, 0.5], [0.25, 0.0], [-3.0, 0.0], [9.0, 9.0]])
    np.testing.assert_allclose(bilinear(image, uv), [1.5, 0.25, 0.0, 3.0])


def test_a_hole_beside_a_pixel_does_not_count_but_one_between_does():
    image = np.array([[1.0, np.nan]])
    found = bilinear(image, np.array([[0.0, 0.0], [0.5, 0.0]]))
    assert found[0] == 1.0
    assert np.isnan(found[1])
