import pytest
import torch

from training.initial_weights import fill_for_training
from training.learner import Learner
from training.validation import validate, validation_windows
from training.window_batch import WindowBatch
from vggt_ros.model.pose_encoding import encode_pose_encoding
from vggt_ros.model.vggt import VGGT

CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def windows():
    return validation_windows((84, 112))[:1]


@pytest.fixture
def learner(small_config):
    network = VGGT(small_config)
    fill_for_training(network)
    return Learner(network)


def test_the_windows_are_always_the_same(windows):
    again = validation_windows((84, 112))[0]
    torch.testing.assert_close(windows[0].images, again.images, rtol=0, atol=0)
    assert isinstance(again, WindowBatch)


def test_a_network_that_knows_the_truth_has_no_errors(windows, learner, monkeypatch):
    window = windows[0]
    K = window.K[:, None].expand(-1, 4, -1, -1)
    true = encode_pose_encoding(window.cam_from_world[..., :3, :], K, window.image_size)
    head, depth_head = learner.network.camera_head, learner.network.depth_head
    monkeypatch.setattr(head, 'forward', lambda tokens: [true])
    monkeypatch.setattr(
        depth_head, 'forward', lambda tokens, size: (2 * window.depth[..., None], None)
    )
    errors = validate(learner, windows, CPU)
    assert errors['rotation_deg'] < 0.1
    assert errors['direction_deg'] < 1
    assert errors['depth_abs_rel'] < 1e-3, 'one scale per window is free'


def test_a_network_that_knows_nothing_has_errors(windows, learner):
    errors = validate(learner, windows, CPU)
    assert errors['rotation_deg'] > 1
    assert errors['depth_abs_rel'] > 0.1
    assert errors['patch_depth_abs_rel'] > 0.1
