import torch

from vggt_ros.model.block import Block, LayerScale


def test_layer_scale_zero_leaves_the_tokens_alone():
    block = Block(8, 2, mlp_ratio=2.0, layer_scale=0.0)
    x = torch.randn(1, 3, 8)
    assert torch.equal(block(x), x)


def test_layer_scale_starts_where_it_is_told():
    assert LayerScale(3, 0.25).gamma.tolist() == [0.25] * 3


def test_epsilon_reaches_both_norms():
    block = Block(8, 2, mlp_ratio=2.0, layer_scale=1.0, eps=1e-6)
    assert block.norm1.eps == block.norm2.eps == 1e-6
