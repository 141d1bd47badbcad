import torch

from training.attention_scores import AttentionScores
from training.initial_weights import fill_for_training
from vggt_ros.model.vggt import VGGT


def test_scores_are_those_the_network_attends_with(small_config, window):
    network = VGGT(small_config)
    fill_for_training(network)
    attention = network.aggregator.global_blocks[1].attn
    seen = {}
    attention.register_forward_hook(
        lambda module, inputs, output: seen.update(x=inputs[0], y=output)
    )
    with torch.no_grad(), AttentionScores(network.aggregator, (1,)) as scores:
        network.aggregator(window.images)
        weights = scores.pop()[0].softmax(dim=-1)
    values = torch.unflatten(attention.qkv(seen['x']), -1, (3, 4, -1))[:, :, 2].transpose(1, 2)
    expected = attention.proj((weights @ values).transpose(1, 2).flatten(2))
    torch.testing.assert_close(seen['y'], expected, atol=1e-4, rtol=1e-4)


def test_nothing_is_remembered_once_it_is_left(small_config, window):
    network = VGGT(small_config)
    with AttentionScores(network.aggregator, (0, 1)) as scores:
        network.aggregator(window.images)
        assert len(scores.pop()) == 2
    assert not network.aggregator.global_blocks[0].attn._forward_pre_hooks
