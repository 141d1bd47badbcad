import numpy as np
import pytest

from vggt_ros.errors import PredictionError
from vggt_ros.inference.prediction import Request
from vggt_ros.inference.preprocess import plan_grid
from vggt_ros.inference.request_check import check_depth_frames, check_images, model_queries

GRID = plan_grid(128, 96, 56, 14, 'crop')


@pytest.mark.parametrize('frames', [None, (0,), (2, 0), (0, 1, 2)])
def test_frames_that_are_there_may_be_asked_for(frames):
    check_depth_frames(Request(depth_frames=frames), 3)


@pytest.mark.parametrize('frames', [(), (3,), (-1,), (1, 1)])
def test_other_frames_may_not(frames):
    with pytest.raises(PredictionError, match='depth_frames must name'):
        check_depth_frames(Request(depth_frames=frames), 3)


def test_queries_move_to_the_pixels_of_the_network():
    queries = model_queries(np.array([[0.0, 0.0], [127.0, 95.0]], np.float32), GRID)
    assert queries.dtype == np.float32
    expected = GRID.model_from_image(np.array([[0.0, 0.0], [127.0, 95.0]]))
    np.testing.assert_allclose(queries, expected, atol=1e-4)
    assert model_queries(None, GRID) is None


def test_queries_outside_of_the_image_are_refused_with_the_limits():
    with pytest.raises(PredictionError, match=r'the first is 1 at \(200.0, 5.0\)'):
        model_queries(np.array([[5.0, 5.0], [200.0, 5.0]], np.float32), GRID)


@pytest.mark.parametrize(
    ('shapes', 'message'),
    [
        ([], 'there are no images'),
        ([(4, 5, 3), (4, 5)], r'image 1 has the shape \(4, 5\)'),
        ([(4, 5, 4)], r'image 0 has the shape \(4, 5, 4\)'),
        ([(4, 5, 3), (5, 4, 3)], 'image 1 has 4 x 5 pixels, image 0 has 5 x 4'),
    ],
)
def test_images_of_other_shapes_are_refused_and_named(shapes, message):
    with pytest.raises(PredictionError, match=message):
        check_images([np.zeros(shape, np.uint8) for shape in shapes])


def test_images_that_are_not_uint8_are_refused():
    with pytest.raises(PredictionError, match='the type float32; give'):
        check_images([np.zeros((4, 5, 3), np.float32)])
