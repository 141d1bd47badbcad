import math

import numpy as np
import pytest
import torch

from vggt_ros.errors import PredictionError
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Request
from vggt_ros.inference.prediction_decoding import prediction_from_outputs

HEIGHT, WIDTH = 28, 42


@pytest.fixture
def grid() -> ImageGrid:
    return ImageGrid(
        image_width=84,
        image_height=56,
        model_width=WIDTH,
        model_height=HEIGHT,
        scale_u=0.5,
        scale_v=0.5,
        offset_u=0,
        offset_v=0,
    )


@pytest.fixture
def outputs() -> dict[str, torch.Tensor]:
    half_turn_about_z = [0.0, 0.0, 2.0, 0.0]  # not of unit length on purpose
    pose = [[0.1, 0.2, 0.3, *half_turn_about_z, math.pi / 2, math.pi / 3]] * 2
    return {
        'pose_enc': torch.tensor([pose]),
        'depth': torch.full((1, 2, HEIGHT, WIDTH, 1), 2.0),
        'depth_conf': torch.full((1, 2, HEIGHT, WIDTH), 1.5),
    }


@pytest.fixture
def seen() -> np.ndarray:
    return np.zeros((2, HEIGHT, WIDTH, 3), np.uint8)


def decode(outputs, seen, grid, request=None):
    return prediction_from_outputs(outputs, seen, grid, request or Request())


def test_cameras_are_decoded_with_the_vertical_field_of_view_first(outputs, seen, grid):
    prediction = decode(outputs, seen, grid)
    np.testing.assert_allclose(
        prediction.cam_from_world[0, :3, :3], np.diag([-1, -1, 1]), atol=1e-6
    )
    np.testing.assert_allclose(prediction.cam_from_world[0, :3, 3], [0.1, 0.2, 0.3], rtol=1e-6)
    fx, fy = prediction.K_model[0, 0, 0], prediction.K_model[0, 1, 1]
    assert fy == pytest.approx(HEIGHT / 2, rel=1e-5)  # 90 degrees
    assert fx == pytest.approx(WIDTH / 2 / math.tan(math.pi / 6), rel=1e-5)
    assert prediction.K_image[0, 0, 0] == pytest.approx(2 * fx)


@pytest.mark.parametrize('name', ['depth', 'depth_conf', 'pose_enc'])
def test_numbers_that_are_not_finite_are_refused(outputs, seen, grid, name):
    outputs[name].flatten()[3] = math.nan
    with pytest.raises(PredictionError, match='not finite'):
        decode(outputs, seen, grid)


def test_a_field_of_view_of_zero_is_refused(outputs, seen, grid):
    outputs['pose_enc'][0, 1, 8] = 0.0
    with pytest.raises(PredictionError):
        decode(outputs, seen, grid)


def test_a_quaternion_of_zero_is_refused(outputs, seen, grid):
    outputs['pose_enc'][0, 1, 3:7] = 0.0
    with pytest.raises(PredictionError):
        decode(outputs, seen, grid)


def test_heads_that_did_not_run_leave_nothing(outputs, seen, grid):
    prediction = decode(outputs, seen, grid)
    assert prediction.points_in_world is None
    assert prediction.tracks is None


def test_no_queries_give_an_empty_set_of_tracks(outputs, seen, grid):
    nothing = Request(query_points=np.zeros((0, 2), np.float32))
    tracks = decode(outputs, seen, grid, nothing).tracks
    assert tracks is not None
    assert tracks.positions.shape == (2, 0, 2)
