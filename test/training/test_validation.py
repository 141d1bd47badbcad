import pytest
import torch

from training.initial_weights import fill_for_training
from training.validation import validate
from training.validation_sets import validation_sets
from vggt_ros.model.pose_encoding import encode_pose_encoding
from vggt_ros.model.vggt import VGGT

CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def windows(tmp_path_factory):
    return validation_sets((84, 112), photos=tmp_path_factory.mktemp('none'), num_windows=8)[
        'procedural'
    ]


@pytest.fixture
def network(small_config):
    network = VGGT(small_config)
    fill_for_training(network)
    return network


def test_a_network_that_knows_the_truth_has_no_errors(windows, network, monkeypatch):
    window = windows[0]
    K = window.K[:, None].expand(-1, 4, -1, -1)
    true = encode_pose_encoding(window.cam_from_world[..., :3, :], K, window.image_size)
    head, depth_head = network.camera_head, network.depth_head
    monkeypatch.setattr(head, 'forward', lambda tokens: [true])
    monkeypatch.setattr(
        depth_head, 'forward', lambda tokens, size: (2 * window.depth[..., None], None)
    )
    errors = validate(network, windows, CPU)
    assert errors['rotation_deg'] < 0.1
    assert errors['direction_deg'] < 1
    assert errors['focal_error'] < 1e-3
    assert errors['depth_abs_rel'] < 1e-3, 'one scale per window is free'
    assert errors['depth_delta_125'] == 1


def test_a_network_that_knows_nothing_has_errors(windows, network):
    errors = validate(network, windows, CPU)
    assert errors['rotation_deg'] > 1
    assert errors['depth_abs_rel'] > 0.1


def test_where_depth_is_unknown_there_is_no_error_of_it(windows, network):
    windows[0].depth.zero_()
    assert 'depth_abs_rel' not in validate(network, windows, CPU)
