import numpy as np
import pytest

from vggt_ros.geometry.pinhole import project
from vggt_ros.mapping.frontend.needed_size import (
    MAX_PIXELS,
    needed_size,
    reduced,
    reduced_K,
    reduced_mask,
)


@pytest.mark.parametrize('size', [(1, 1), (640, 480), (1920, 1080), (1080, 1920)])
def test_what_is_small_enough_stays_as_it_is(size):
    assert needed_size(*size) == size
    image = np.zeros((size[1], size[0], 3), np.uint8)
    assert reduced(image) is image
    K = np.eye(3)
    assert reduced_K(K, *size) is K


@pytest.mark.parametrize(
    'size', [(8000, 6000), (4000, 3000), (3000, 4000), (2000, 1100), (9, 10**6)]
)
def test_what_is_larger_is_brought_to_the_limit_in_its_shape(size):
    width, height = needed_size(*size)
    assert 0.7 * MAX_PIXELS < width * height <= MAX_PIXELS
    if min(size) > 100:
        assert width / height == pytest.approx(size[0] / size[1], rel=2e-3)


def test_a_point_is_where_the_intrinsics_say():
    width, height = 4000, 3000
    image = np.zeros((height, width, 3), np.uint8)
    image[2000:2040, 1000:1040] = 255
    K = np.array([[3000.0, 0, 1999.5], [0, 3000.0, 1499.5], [0, 0, 1.0]])
    ray = np.array([(1019.5 - K[0, 2]) / K[0, 0], (2019.5 - K[1, 2]) / K[1, 1], 1.0])
    small = reduced(image)
    v, u = np.nonzero(small[..., 0] > 127)
    expected = project(ray, reduced_K(K, width, height))
    np.testing.assert_allclose([u.mean(), v.mean()], expected, atol=0.5)


def test_a_pixel_that_is_partly_beside_the_lens_is_not_seen():
    is_seen = np.ones((3000, 4000), bool)
    is_seen[:, :100] = False
    found = reduced_mask(is_seen)
    left = 100 * found.shape[1] / 4000
    assert not found[:, : int(np.ceil(left))].any()
    assert found[:, int(np.ceil(left)) + 1 :].all()
