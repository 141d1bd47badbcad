import numpy as np
import pytest

from vggt_ros.evaluation.published_depth import depth_on_pixels, published_depth_error
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.layers.map_update import FrameResult

K_IMAGE = np.array([[40.0, 0, 31.5], [0, 40, 23.5], [0, 0, 1]])


def result_of(depth, K=None):
    """A frame of 64 x 48 whose depth has the given size; all of the image unless K says else."""
    rows, columns = depth.shape
    if K is None:
        scale = columns / 64
        K = K_IMAGE.copy()
        K[:2, :2] *= scale
        K[:2, 2] = (K[:2, 2] + 0.5) * scale - 0.5
    image = np.zeros((48, 64, 3), np.uint8)
    frame = Frame(id=3, stamp_ns=1, camera_frame='c', image=image, K=K_IMAGE)
    return FrameResult(
        frame=frame,
        image=np.zeros((rows, columns, 3), np.uint8),
        depth=depth.astype(np.float32),
        confidence=np.ones(depth.shape, np.float32),
        points_in_cam=np.zeros((rows, columns, 3), np.float32),
        keep=np.ones(depth.shape, bool),
        K=K,
        K_image=K_IMAGE,
        map_from_cam=np.eye(4),
        covariance=np.eye(6),
    )


def test_truth_of_any_size_is_taken_where_the_pixel_looks():
    row, column = np.indices((24, 32))
    small = (100.0 * row + column).astype(np.float32)
    found = depth_on_pixels(small, result_of(np.ones((12, 16))))
    # Pixel (0, 0) of 12 x 16 covers the first two rows and columns of 24 x 32.
    assert found.shape == (12, 16)
    assert found[0, 0] in (0.0, 1.0, 100.0, 101.0)
    assert found[5, 7] - found[0, 0] == 1014.0
    np.testing.assert_array_equal(depth_on_pixels(small, result_of(np.ones((24, 32)))), small)


def test_pixels_outside_of_the_image_have_no_truth():
    K = K_IMAGE * 0.5
    K[2, 2] = 1.0
    K[0, 2] = 15.5 + 4.0  # padded by four columns on the left
    found = depth_on_pixels(np.ones((48, 64), np.float32), result_of(np.ones((24, 40)), K))
    assert np.isnan(found[:, :3]).all()
    assert np.isfinite(found[:, 5:34]).all()
    assert np.isnan(found[:, 37:]).all()


def test_each_frame_has_its_own_scale_and_a_constant_beside_it():
    truth = np.linspace(1.0, 3.0, 48 * 64, dtype=np.float32).reshape(48, 64)
    error, sample = published_depth_error(result_of(0.2 * truth), truth, 'image 3')
    assert error.frame_id == 3
    assert error.published.abs_rel < 1e-6
    assert error.published.scale == pytest.approx(5.0)
    assert error.constant.abs_rel == pytest.approx(np.abs(2.0 / truth - 1).mean(), rel=1e-2)
    np.testing.assert_allclose(sample.depth, truth, rtol=1e-5)


def test_without_truth_there_is_no_error():
    nothing = np.full((48, 64), np.nan, np.float32)
    assert published_depth_error(result_of(np.ones((48, 64))), nothing, 'a') is None
