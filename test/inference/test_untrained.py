import math

import pytest
import torch

from vggt_ros.inference.untrained import fill_untrained
from vggt_ros.model.pose_encoding import decode_pose_encoding
from vggt_ros.model.vggt import VGGT


@pytest.fixture(scope='module')
def filled(tiny_config):
    with torch.device('meta'):
        network = VGGT(tiny_config)
    fill_untrained(network)
    return network.eval()


def test_every_parameter_gets_the_same_numbers_whatever_came_before(tiny_config, filled):
    torch.manual_seed(5)
    torch.rand(7)
    again = VGGT(tiny_config)
    fill_untrained(again)
    for name, value in again.state_dict().items():
        assert torch.equal(value, filled.state_dict()[name]), name


def test_no_parameter_is_left_on_the_meta_device(filled):
    assert all(parameter.device.type == 'cpu' for parameter in filled.parameters())
    assert all(torch.isfinite(parameter).all() for parameter in filled.parameters())


def test_different_parameters_get_different_numbers(filled):
    weights = filled.state_dict()
    first = weights['aggregator.frame_blocks.0.attn.qkv.weight']
    assert not torch.equal(first, weights['aggregator.frame_blocks.1.attn.qkv.weight'])


def test_cameras_look_ahead_with_the_field_of_view_of_a_webcam_and_depth_is_about_one(filled):
    with torch.inference_mode():
        outputs = filled(torch.rand(3, 3, 56, 70))
    cam_from_world, _ = decode_pose_encoding(outputs['pose_enc'], (56, 70))
    angle = torch.acos((cam_from_world[..., :3].diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2)
    assert angle.max() < math.radians(30)
    assert cam_from_world[..., 3].abs().max() < 0.5
    expected = torch.deg2rad(torch.tensor([45.0, 57.0]))
    assert (outputs['pose_enc'][..., 7:] - expected).abs().max() < math.radians(15)
    assert 0.5 < outputs['depth'].min() < outputs['depth'].max() < 2.0
    assert (outputs['world_points'][..., 2] - 1).abs().max() < 1.0


def test_tracks_stay_near_their_query_points(filled):
    query_points = torch.tensor([[10.0, 20.0], [60.0, 40.0]])
    with torch.inference_mode():
        track = filled(torch.rand(3, 3, 56, 70), query_points)['track']
    assert (track - query_points).abs().max() < 5
