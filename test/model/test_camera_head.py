import pytest
import torch

from vggt_ros.model.pose_encoding import activate_pose_encoding


@pytest.fixture
def tokens():
    return torch.randn(1, 4, 15, 64)


def test_reads_the_camera_token_only(network, tokens):
    expected = network.camera_head(tokens)
    tokens[:, :, 1:] = float('nan')
    assert torch.equal(network.camera_head(tokens)[-1], expected[-1])


def test_every_refinement_continues_the_one_before(network, tokens):
    assert len(network.camera_head(tokens)) == 4
    short, long = network.camera_head(tokens, 2), network.camera_head(tokens, 5)
    assert len(long) == 5
    assert torch.equal(short[1], long[1])


def test_frames_see_each_other(network, tokens):
    alone = network.camera_head(tokens[:, :1])[-1]
    assert (network.camera_head(tokens)[-1][:, :1] - alone).abs().max() > 1e-3


def test_permuting_frames_permutes_poses(network, tokens):
    order = [2, 0, 3, 1]
    expected = network.camera_head(tokens)[-1][:, order]
    torch.testing.assert_close(network.camera_head(tokens[:, order])[-1], expected)


def test_raw_poses_are_fed_back_not_activated_ones(network, tokens):
    head = network.camera_head
    with torch.no_grad():
        head.pose_branch.fc2.bias[7:] = -3.0  # the rectifier cuts these
    camera_tokens = head.token_norm(tokens[:, :, 0])
    first = head._refine(camera_tokens, head.empty_pose_tokens.expand(1, 4, -1))
    second = first + head._refine(camera_tokens, first)
    assert (first[..., 7:] < 0).any()
    torch.testing.assert_close(head(tokens)[1], activate_pose_encoding(second))


def test_is_exact_under_autocast(network, tokens):
    expected = network.camera_head(tokens)[-1]
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(network.camera_head(tokens)[-1], expected)
