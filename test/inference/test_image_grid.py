from hypothesis import given, strategies
import numpy as np
import pytest

from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.preprocess import plan_grid

SIDES = strategies.integers(min_value=100, max_value=2000)
MODES = strategies.sampled_from(['crop', 'pad'])


@given(width=SIDES, height=SIDES, mode=MODES)
def test_pixels_survive_the_way_to_the_network_and_back(width, height, mode):
    grid = plan_grid(width, height, 518, 14, mode)
    uv = np.array([[0.0, 0.0], [width - 1.0, height - 1.0], [0.3 * width, -7.5]])
    np.testing.assert_allclose(grid.image_from_model(grid.model_from_image(uv)), uv, atol=1e-9)


@given(width=SIDES, height=SIDES, mode=MODES)
def test_intrinsics_project_a_point_to_the_same_place_on_both_grids(width, height, mode):
    grid = plan_grid(width, height, 518, 14, mode)
    K_image = np.array([[500.0, 0.0, 310.0], [0.0, 505.0, 250.0], [0.0, 0.0, 1.0]])
    point = np.array([0.3, -0.2, 1.7])
    uv_image = (K_image @ point / point[2])[:2]
    uv_model = (grid.K_model_from_image(K_image) @ point / point[2])[:2]
    np.testing.assert_allclose(uv_model, grid.model_from_image(uv_image), atol=1e-9)


@given(width=SIDES, height=SIDES, mode=MODES)
def test_intrinsics_survive_the_way_to_the_camera_and_back(width, height, mode):
    grid = plan_grid(width, height, 518, 14, mode)
    K_model = np.array([[[400.0, 0.0, 259.0], [0.0, 410.0, 196.0], [0.0, 0.0, 1.0]]] * 2)
    there_and_back = grid.K_model_from_image(grid.K_image_from_model(K_model))
    np.testing.assert_allclose(there_and_back, K_model, atol=1e-9)


def test_mapping_intrinsics_leaves_the_argument_alone():
    grid = plan_grid(640, 480, 168, 14, 'crop')
    K = np.eye(3)
    grid.K_model_from_image(K)
    grid.K_image_from_model(K)
    np.testing.assert_array_equal(K, np.eye(3))


def test_the_corner_of_the_image_is_the_corner_of_the_resized_image():
    grid = plan_grid(640, 480, 168, 14, 'crop')
    corners = np.array([[-0.5, -0.5], [639.5, 479.5]])
    np.testing.assert_allclose(
        grid.model_from_image(corners), [[-0.5, -0.5], [167.5, 125.5]], atol=1e-9
    )


@given(width=SIDES, height=SIDES)
def test_inside_counts_the_padded_rows_and_columns(width, height):
    grid = plan_grid(width, height, 280, 14, 'pad')
    inside = grid.inside()
    assert inside.shape == (280, 280)
    assert inside.any(axis=0).sum() == round(width * grid.scale_u)
    assert inside.any(axis=1).sum() == round(height * grid.scale_v)


def test_every_pixel_of_a_cropped_image_is_inside():
    assert plan_grid(300, 700, 280, 14, 'crop').inside().all()


def test_inside_is_false_exactly_where_padding_was_added():
    grid = ImageGrid(
        image_width=8,
        image_height=4,
        model_width=4,
        model_height=4,
        scale_u=0.5,
        scale_v=0.5,
        offset_u=0,
        offset_v=1,
    )
    np.testing.assert_array_equal(grid.inside()[:, 0], [False, True, True, False])


def test_a_grid_is_a_value():
    assert plan_grid(640, 480, 168) == plan_grid(640, 480, 168)
    with pytest.raises(AttributeError):
        plan_grid(640, 480, 168).scale_u = 2.0
