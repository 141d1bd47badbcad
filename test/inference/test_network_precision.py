from copy import deepcopy

import pytest
import torch
from torch import nn

from vggt_ros.inference.checkpoint import load_network
from vggt_ros.inference.network_precision import set_precision

CPU = torch.device('cpu')
BF16, FP32 = torch.bfloat16, torch.float32


@pytest.fixture(scope='module')
def nano():
    return load_network('nano')[0]


@pytest.fixture(scope='module')
def images():
    return torch.rand(1, 3, 3, 70, 84, generator=torch.Generator().manual_seed(3))


def test_matrices_in_half_precision_give_the_numbers_of_autocast_in_half_the_memory(nano, images):
    halved = deepcopy(nano)
    set_precision(halved, BF16, FP32, CPU)
    with torch.inference_mode(), torch.autocast('cpu', BF16):
        found = halved(images)
        expected = nano(images)
    for name in ('pose_enc', 'depth', 'depth_conf', 'world_points'):
        assert found[name].equal(expected[name]), name

    def size(network):
        return sum(p.nbytes for p in network.aggregator.parameters())

    assert size(halved) < 0.6 * size(nano)


def test_what_adds_up_over_the_blocks_stays_in_float32(nano):
    halved = deepcopy(nano)
    set_precision(halved, BF16, FP32, CPU)
    for module in halved.aggregator.modules():
        if isinstance(module, nn.LayerNorm):
            assert module.weight.dtype == FP32
    assert halved.aggregator.camera_token.dtype == FP32
    assert {p.dtype for p in halved.camera_head.parameters()} == {FP32}
    assert {p.dtype for p in halved.track_head.parameters()} == {FP32}


def test_full_precision_changes_nothing(nano, images):
    same = deepcopy(nano)
    set_precision(same, FP32, FP32, CPU)
    with torch.inference_mode():
        assert same(images)['depth'].equal(nano(images)['depth'])


def test_dense_heads_in_half_precision_change_depth_by_less_than_a_percent(nano, images):
    reduced = deepcopy(nano)
    set_precision(reduced, FP32, BF16, CPU)
    with torch.inference_mode():
        found, expected = reduced(images), nano(images)
    relative = ((found['depth'] - expected['depth']) / expected['depth']).abs()
    assert 0 < float(relative.max()) < 0.01
    assert found['depth'].dtype == FP32
    distance = expected['world_points'].norm(dim=-1, keepdim=True)
    assert (
        float(((found['world_points'] - expected['world_points']) / distance).abs().max()) < 0.03
    )
    assert found['pose_enc'].equal(expected['pose_enc'])
