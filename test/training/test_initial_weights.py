import pytest
import torch

from training.curriculum import CURRICULUM
from training.initial_weights import fill_for_training, MATCHING_LAYERS, place_code
from training.learner import Learner
from vggt_ros.inference.presets import PRESETS
from vggt_ros.model.vggt import VGGT


@pytest.fixture(scope='module')
def network():
    network = VGGT(PRESETS['nano'].network)
    fill_for_training(network)
    return network


def test_the_start_is_the_same_in_every_run(network):
    again = VGGT(PRESETS['nano'].network)
    fill_for_training(again)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)


def test_everything_can_be_learnt(network):
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_attention_finds_matching_patches_before_any_training(network, window):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        losses = Learner(network).losses(window, CURRICULUM[0], generator, with_tracks=False)
    assert losses['accuracy'] > 0.3, 'chance is below a tenth'
    assert losses['own_frame'] < 0.1, 'attention goes to the other frames'


def test_the_place_of_the_matching_patch_is_in_the_free_channels(network, window):
    with torch.no_grad():
        tokens = network.aggregator(window.images[:, :1].expand(-1, 2, -1, -1, -1), {0})[0]
    special = network.config.aggregator.num_special_tokens
    after_global = tokens[:, 1, special:, 128:]
    own, matched = after_global[..., :8].flatten(), after_global[..., 32:40].flatten()
    # The frames are equal: the matching patch is at the same place.
    assert torch.corrcoef(torch.stack([own, matched]))[0, 1] > 0.6
    assert len(MATCHING_LAYERS) == 2


def test_codes_begin_with_the_place():
    code = place_code(4, 16).view(4, 4, 16)
    assert (code[0, 1:, 0] > code[0, :-1, 0]).all(), 'the first half is about columns'
    assert (code[1:, 0, 8] > code[:-1, 0, 8]).all(), 'the second half is about rows'
    torch.testing.assert_close(code[0, :, 8:], code[0, :1, 8:].expand(4, -1))
    assert len(torch.unique(code.flatten(0, 1), dim=0)) == 16
