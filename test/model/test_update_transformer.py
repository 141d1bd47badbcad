import pytest
import torch
from torch import nn

from vggt_ros.model.update_transformer import CrossBlock, SelfBlock, UpdateTransformer


def test_residual_starts_from_the_normalized_input():
    for block in (SelfBlock(8, 2), CrossBlock(8, 2)):
        attention = getattr(block, 'attn', None) or block.cross_attn
        for parameter in (*attention.parameters(), *block.mlp.parameters()):
            nn.init.zeros_(parameter)
        x = torch.randn(1, 3, 8) * 7
        found = block(x) if isinstance(block, SelfBlock) else block(x, x)
        torch.testing.assert_close(found, block.norm1(x))


@pytest.fixture
def transformer():
    torch.manual_seed(0)
    return UpdateTransformer(12, 16, 6, depth=2, num_heads=2, num_virtual_tracks=3).eval()


def test_permuting_points_permutes_their_changes(transformer):
    x = torch.randn(2, 5, 3, 12)
    order = [3, 0, 4, 1, 2]
    torch.testing.assert_close(transformer(x[:, order]), transformer(x)[:, order])


def test_points_see_each_other_and_frames_see_each_other(transformer):
    x = torch.randn(1, 5, 3, 12)
    changed = x.clone()
    changed[:, 4, 2, 0] += 1
    difference = (transformer(changed) - transformer(x)).abs().amax(-1)
    assert (difference > 1e-6).all()


def test_scenes_of_a_batch_do_not_see_each_other(transformer):
    x = torch.randn(2, 5, 3, 12)
    torch.testing.assert_close(transformer(x)[:1], transformer(x[:1]))
