import numpy as np
import pytest

from vggt_ros.evaluation.truth_window import TrueTracks, TruthWindow
from vggt_ros.evaluation.window_answer import answer_of, mean_depth, no_motion
from vggt_ros.inference.prediction import Prediction, Tracks
from vggt_ros.inference.preprocess import plan_grid


@pytest.fixture
def window():
    depth = np.full((2, 6, 8), 2.0, np.float32)
    depth[1] = 4.0
    depth[0, 0, 0] = np.nan
    positions = np.array([[[1, 2]], [[5, 3]]], np.float32)
    return TruthWindow(
        name='two',
        images=np.zeros((2, 6, 8, 3), np.uint8),
        depth=depth,
        cam_from_world=np.tile(np.eye(4), (2, 1, 1)),
        K=np.eye(3),
        tracks=TrueTracks(positions=positions, is_visible=np.ones((2, 1), bool)),
    )


def test_without_motion_points_stay_at_their_pixel_of_the_network(window):
    answer = no_motion(window, plan_grid(8, 6, 16, patch_size=2))
    np.testing.assert_array_equal(answer.cam_from_world, np.tile(np.eye(4), (2, 1, 1)))
    np.testing.assert_allclose(answer.tracks.positions, [[[2.5, 4.5]], [[2.5, 4.5]]])
    assert answer.tracks.visibility.min() == 1
    assert answer.depth is None


def test_mean_depth_is_the_mean_of_what_is_known(window):
    grid = plan_grid(8, 6, 8, patch_size=2)
    answer = mean_depth(window, grid)
    np.testing.assert_allclose(answer.depth, (47 * 2 + 48 * 4) / 95, rtol=1e-6)
    assert answer.cam_from_world is None


def test_an_answer_holds_what_was_predicted():
    shape = (2, 6, 8)
    K = np.tile(np.eye(3), (2, 1, 1))
    tracks = Tracks(
        positions=np.ones((2, 3, 2), np.float32),
        visibility=np.zeros((2, 3), np.float32),
        confidence=np.ones((2, 3), np.float32),
    )
    prediction = Prediction(
        grid=plan_grid(8, 6, 8, patch_size=2),
        images=np.zeros((*shape, 3), np.uint8),
        depth=np.full(shape, 3.0, np.float32),
        depth_conf=np.ones(shape, np.float32),
        keep=np.ones(shape, bool),
        cam_from_world=np.tile(np.eye(4), (2, 1, 1)),
        K_model=K,
        K_image=2 * K,
        tracks=tracks,
    )
    answer = answer_of(prediction)
    assert answer.depth is prediction.depth
    assert answer.K_image is prediction.K_image
    assert answer.tracks.visibility is tracks.visibility
