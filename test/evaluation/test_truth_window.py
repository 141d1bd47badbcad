import numpy as np
import pytest

from vggt_ros.evaluation.truth_window import TruthWindow
from vggt_ros.inference.preprocess import plan_grid


@pytest.fixture
def window():
    depth = np.arange(2 * 6 * 8, dtype=np.float32).reshape(2, 6, 8) + 1
    return TruthWindow(
        name='numbers',
        images=np.zeros((2, 6, 8, 3), np.uint8),
        depth=depth,
        cam_from_world=np.tile(np.eye(4), (2, 1, 1)),
        K=np.eye(3),
    )


def test_depth_on_an_image_of_the_same_size_is_the_depth(window):
    same = window.depth_on(plan_grid(8, 6, 8, patch_size=2))
    np.testing.assert_array_equal(same, window.depth)


def test_depth_on_a_larger_image_repeats_the_nearest_pixel(window):
    doubled = window.depth_on(plan_grid(8, 6, 16, patch_size=2))
    np.testing.assert_array_equal(doubled, window.depth.repeat(2, axis=1).repeat(2, axis=2))


def test_cropped_rows_have_no_place_in_the_depth(window):
    tall = TruthWindow(
        name='tall',
        images=np.zeros((1, 8, 4, 3), np.uint8),
        depth=np.arange(32, dtype=np.float32).reshape(1, 8, 4),
        cam_from_world=np.eye(4)[None],
        K=np.eye(3),
    )
    middle = tall.depth_on(plan_grid(4, 8, 4, patch_size=2))
    np.testing.assert_array_equal(middle, tall.depth[:, 2:6])


def test_padding_has_no_depth(window):
    padded = window.depth_on(plan_grid(8, 6, 8, patch_size=2, mode='pad'))
    assert np.isnan(padded[:, 0]).all()
    assert np.isnan(padded[:, -1]).all()
    np.testing.assert_array_equal(padded[:, 1:-1], window.depth)
