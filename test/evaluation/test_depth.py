import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.depth import depth_error


@pytest.fixture
def true_depth() -> np.ndarray:
    return np.random.default_rng(0).uniform(1, 5, (2, 8, 9)).astype(np.float32)


def test_a_common_scale_is_no_error(true_depth):
    error = depth_error(true_depth / np.float32(3), true_depth)
    assert error.abs_rel < 1e-6
    assert error.delta_125 == 1.0
    assert error.scale == pytest.approx(3, rel=1e-5)


def test_the_relative_error_is_the_mean_over_valid_pixels(true_depth):
    depth = true_depth.copy()
    depth[0] *= 1.5  # a third of the pixels of three halves, so that the median stays 1
    depth = np.concatenate([depth, true_depth[1:]])
    true_depth = np.concatenate([true_depth, true_depth[1:]])
    error = depth_error(depth, true_depth)
    assert error.abs_rel == pytest.approx(0.5 / 3, rel=1e-5)
    assert error.delta_125 == pytest.approx(2 / 3)


def test_invalid_pixels_do_not_count(true_depth):
    depth = true_depth.copy()
    depth[0, 0, 0], depth[0, 0, 1] = np.nan, np.inf
    true_depth[1, 0, 0] = 0
    error = depth_error(depth, true_depth)
    assert error.num_pixels == depth.size - 3
    assert error.abs_rel < 1e-6


def test_nothing_in_common_is_refused(true_depth):
    with pytest.raises(AlignmentError, match='0 of'):
        depth_error(np.full_like(true_depth, np.nan), true_depth)
