from dataclasses import replace

import numpy as np
import pytest
import torch

from vggt_ros.evaluation.camera_error import pair_errors
from vggt_ros.evaluation.held_out_windows import held_out_window
from vggt_ros.evaluation.refined_answer import refined_answer
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.inference.prediction import Prediction
from vggt_ros.inference.preprocess import plan_grid
from vggt_ros.settings.refine_config import RefineSettings

# Whole patches: the network sees the pixels of the camera.
_WIDTH, _HEIGHT = 336, 252
_SETTINGS = RefineSettings(mode='poses', budget_ms=60_000)
_CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def window():
    return held_out_window(900_003, max_frames=5, width=_WIDTH, height=_HEIGHT)


@pytest.fixture(scope='module')
def prediction(window):
    """Of a network that is right but for turns of its cameras, a degree or two."""
    rng = np.random.default_rng(0)
    poses = window.cam_from_world @ se3.inverse(window.cam_from_world[0])
    for i in range(1, len(poses)):
        turn = matrix_from_rotation_vector(0.03 * rng.normal(size=3))
        poses[i] = se3.rigid(turn, np.zeros(3)) @ poses[i]
    K = np.tile(window.K, (len(poses), 1, 1))
    return Prediction(
        grid=plan_grid(_WIDTH, _HEIGHT, _WIDTH),
        images=window.images,
        depth=window.depth,
        depth_conf=np.ones_like(window.depth),
        keep=np.ones(window.depth.shape, bool),
        cam_from_world=poses,
        K_model=K,
        K_image=K,
    )


def test_cameras_are_nearer_to_the_truth_than_those_of_the_network(window, prediction):
    refined = refined_answer(window, prediction, _SETTINGS, _CPU)
    before = pair_errors(prediction.cam_from_world, window.cam_from_world)
    after = pair_errors(refined.answer.cam_from_world, window.cam_from_world)
    assert refined.is_verified.all()
    assert refined.refined_from in ('network', 'tracks')
    assert np.median(before.rotation_deg) > 1.0
    assert np.median(after.rotation_deg) < 0.2
    assert refined.duration_s > 0.0


def test_where_images_show_nothing_the_answer_is_the_networks_and_not_verified(window, prediction):
    dark = replace(window, images=np.zeros_like(window.images))
    refined = refined_answer(dark, prediction, _SETTINGS, _CPU)
    assert not refined.is_verified.any()
    assert refined.refined_from == 'not_verified'
    np.testing.assert_array_equal(refined.answer.cam_from_world, prediction.cam_from_world)
    np.testing.assert_array_equal(refined.answer.depth, prediction.depth)
