import torch
from torch import nn

from training.pose_readout import PoseReadout
from vggt_ros.model.pose_encoding import encode_pose_encoding


def test_the_truth_has_no_loss(window):
    K = window.K[:, None].expand(-1, 3, -1, -1)
    true = encode_pose_encoding(window.cam_from_world[..., :3, :], K, window.image_size)
    readout = PoseReadout(9)
    readout.norm = nn.Identity()
    with torch.no_grad():
        readout.pose.weight.copy_(torch.eye(9))
        readout.pose.bias.zero_()
    assert readout.loss(true, window) < 1e-6
    assert readout.loss(true + 0.1, window) > 0.1


def test_the_first_answer_is_a_camera_at_rest(window):
    tokens = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0))
    readout = PoseReadout(32)
    encoding = readout.pose(readout.norm(tokens))
    torch.testing.assert_close(encoding[..., :7], torch.eye(7)[6].expand(2, 3, 7))
    assert (encoding[..., 7:] > 0.5).all()
