import torch
from torch import nn

from training.correspondence import correspondence, patch_centers
from training.patch_readout import PatchReadout


def truthful(window):
    """Tokens that hold the truth in their channels, and a read-out that copies it."""
    centers = patch_centers((6, 8), 14, torch.device('cpu'))
    truth = correspondence(window, centers)
    u, v = centers.unbind(-1)
    points = window.points_in_world()[:, :, v, u]
    flow = (truth.uv[:, :, 0] - centers) / 14
    corners = [
        window.depth[:, :, 3 + 7 * row :: 14, 3 + 7 * column :: 14].flatten(2).log()
        for row in (0, 1)
        for column in (0, 1)
    ]
    tokens = torch.cat([torch.stack(corners, dim=-1), points, flow], dim=-1)
    readout = PatchReadout(9)
    readout.norm = nn.Identity()
    eye = torch.eye(9)
    with torch.no_grad():
        readout.depth.weight.copy_(eye[:4])
        readout.points.weight.copy_(eye[4:7])
        readout.flow.weight.copy_(eye[7:])
    return readout, tokens, truth, centers.float()


def test_the_truth_has_no_loss(window):
    readout, tokens, truth, centers = truthful(window)
    losses = readout.losses(tokens, window, truth, centers, 14)
    assert set(losses) == {'patch_depth', 'patch_points', 'patch_flow'}
    for loss in losses.values():
        assert loss < 1e-5


def test_errors_are_told_apart(window):
    readout, tokens, truth, centers = truthful(window)
    tokens[..., 7] += 2.0
    losses = readout.losses(tokens, window, truth, centers, 14)
    torch.testing.assert_close(losses['patch_flow'], torch.tensor(2.0))
    assert losses['patch_depth'] < 1e-5


def test_depth_is_read_at_the_right_place(window):
    readout, tokens, _, _ = truthful(window)
    depth = readout.depth_map(tokens, (84, 112))
    torch.testing.assert_close(depth[..., 3::7, 3::7], window.depth[..., 3::7, 3::7])


def test_a_single_frame_has_no_flow(window):
    one = type(window)(
        images=window.images[:, :1],
        depth=window.depth[:, :1],
        cam_from_world=window.cam_from_world[:, :1],
        K=window.K,
    )
    readout, tokens, truth, centers = truthful(one)
    assert readout.losses(tokens, one, truth, centers, 14)['patch_flow'] == 0
