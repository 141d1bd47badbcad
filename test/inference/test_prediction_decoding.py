import math

import numpy as np
import pytest
import torch

from vggt_ros.errors import PredictionError
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Request
from vggt_ros.inference.prediction_decoding import prediction_from_outputs
from vggt_ros.settings.config import CloudSettings

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


def test_without_a_filter_every_pixel_with_a_depth_is_kept(outputs, seen, grid):
    outputs['depth'][0, 1, 3, 4] = 0.0
    keep = decode(outputs, seen, grid).keep
    assert keep.sum() == 2 * HEIGHT * WIDTH - 1
    assert not keep[1, 3, 4]


def test_the_filter_of_the_request_decides_what_is_kept(outputs, seen, grid):
    outputs['depth'][0, 0, :, 20:] = 3.0
    keep = decode(outputs, seen, grid, Request(filter=CloudSettings(edge_rtol=0.03))).keep
    assert keep[0].all(axis=0).tolist() == [u not in (19, 20) for u in range(WIDTH)]
    assert keep[1].all()


def test_frames_that_were_not_asked_for_keep_nothing(outputs, seen, grid):
    only = {name: value[:, 1:] for name, value in outputs.items() if name != 'pose_enc'}
    only['depth_conf'][..., :10, :] = 1.0
    settings = CloudSettings(confidence_mode='absolute', confidence_min=1.2, edge_rtol=0.0)
    keep = decode(outputs | only, seen, grid, Request(depth_frames=(1,), filter=settings)).keep
    assert not keep[0].any()
    assert keep[1].all(axis=1).tolist() == [False] * 10 + [True] * (HEIGHT - 10)


def test_points_of_the_point_head_are_kept_by_their_own_depth_and_confidence(outputs, seen, grid):
    # The camera looks along z of the world from z = -0.3: points at z = -1 are behind it.
    points = torch.zeros(1, 2, HEIGHT, WIDTH, 3)
    points[..., 2] = 1.0
    points[0, 0, :5, :, 2] = -1.0
    outputs['world_points'] = points
    outputs['world_points_conf'] = torch.full((1, 2, HEIGHT, WIDTH), 2.0)
    outputs['world_points_conf'][0, 1, :, :7] = 1.0
    outputs['depth_conf'][:] = 1.0
    settings = CloudSettings(confidence_mode='absolute', confidence_min=1.5, edge_rtol=0.0)
    keep = decode(outputs, seen, grid, Request(point_head=True, filter=settings)).keep
    assert keep[0].all(axis=1).tolist() == [False] * 5 + [True] * (HEIGHT - 5)
    assert keep[1].all(axis=0).tolist() == [False] * 7 + [True] * (WIDTH - 7)
