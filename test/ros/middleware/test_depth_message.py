import numpy as np
import pytest
from sensor_msgs.msg import Image

from vggt_ros.ros.middleware.depth_message import depth_from_image, DepthGrid
from vggt_ros.ros.middleware.messages import depth_image, header_of
from vggt_ros.ros.middleware.payload import fill


def image_of(depth_m, encoding='32FC1', stamp_ns=0):
    return depth_image(header_of(stamp_ns, 'depth_optical'), depth_m, encoding)


@pytest.fixture
def depth_m():
    depth_m = np.random.default_rng(0).uniform(0.5, 6, (24, 32)).astype(np.float32)
    depth_m[3, 4] = np.nan
    return depth_m


@pytest.mark.parametrize(('encoding', 'tolerance_m'), [('32FC1', 0.0), ('16UC1', 0.0006)])
def test_meters_and_millimeters_become_meters(depth_m, encoding, tolerance_m):
    found = depth_from_image(image_of(depth_m, encoding))
    np.testing.assert_allclose(found, depth_m, atol=tolerance_m)
    assert np.isnan(found[3, 4])


def test_rows_with_padding_and_big_endian_are_read(depth_m):
    rows = np.zeros((24, 40), '>f4')
    rows[:, :32] = depth_m
    message = Image(height=24, width=32, encoding='32FC1', step=160, is_bigendian=1)
    fill(message.data, rows)
    np.testing.assert_array_equal(depth_from_image(message), depth_m)


def test_large_images_are_thinned_about_their_middle():
    v, u = np.indices((480, 640))
    found = depth_from_image(image_of((1.0 + 0.001 * u + v).astype(np.float32)))
    assert found.shape == (120, 160)
    # Sample (i, j) stands for the four by four pixels around it.
    assert found[0, 0] == pytest.approx(1.0 + 0.002 + 2)
    assert found[10, 20] == pytest.approx(1.0 + 0.082 + 42)


@pytest.mark.parametrize(
    ('changes', 'said'),
    [({'encoding': 'mono8'}, 'mono8'), ({'height': 25}, 'needs'), ({'step': 100}, 'rows of 100')],
)
def test_what_can_not_be_read_is_said(depth_m, changes, said):
    message = image_of(depth_m)
    for name, value in changes.items():
        setattr(message, name, value)
    with pytest.raises(ValueError, match=said):
        depth_from_image(message)


@pytest.mark.parametrize(('width', 'height'), [(640, 480), (480, 640), (3, 50_000), (1, 1)])
def test_what_is_kept_is_bounded_whatever_the_shape(width, height):
    grid = DepthGrid(width=width, height=height)
    assert 1 <= len(grid.columns) <= 160
    assert 1 <= len(grid.rows) <= 160
    assert grid.columns.max() < width
    found = depth_from_image(image_of(np.ones((height, width), np.float32)))
    assert found.shape == (len(grid.rows), len(grid.columns))
    assert found.base is None or found.base.nbytes <= 4 * 160 * 160, 'the message is not held'
