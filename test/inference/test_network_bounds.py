from dataclasses import asdict, replace
import json

import pytest
import torch

from vggt_ros.errors import ConfigError
from vggt_ros.inference.network_bounds import check_bounds, network_from
from vggt_ros.inference.presets import NANO, VGGT_1B
from vggt_ros.model.vggt import VGGT


@pytest.mark.parametrize('network', [NANO, VGGT_1B], ids=['nano', 'VGGT-1B'])
def test_a_network_that_is_filled_by_its_weights_is_taken(network):
    described = network_from(json.loads(json.dumps(asdict(network))))
    assert described == network
    with torch.device('meta'):
        check_bounds(described, VGGT(network).state_dict())


@pytest.mark.parametrize(
    ('part', 'changes'),
    [
        ('aggregator', {'depth': 3_000_000}),
        ('aggregator', {'embed_dim': 2**40, 'patch_embed': 'conv'}),
        ('aggregator', {'img_size': 14_000_000_000}),
        ('aggregator', {'num_register_tokens': 10**9}),
        ('camera_head', {'trunk_depth': 10**6}),
        ('camera_head', {'iterations': 10**9}),
        ('camera_head', {'mlp_ratio': 1e9}),
        ('dpt_head', {'features': 8 * 10**9}),
        ('dpt_head', {'out_channels': (4 * 10**9, 4, 4, 4)}),
        ('track_head', {'depth': 10**6}),
        ('track_head', {'corr_levels': 1000}),
        ('track_head', {'num_virtual_tracks': 10**9}),
    ],
)
def test_a_network_that_its_weights_can_not_fill_is_refused_before_it_is_built(part, changes):
    network = replace(NANO, **{part: replace(getattr(NANO, part), **changes)})
    with torch.device('meta'):
        weights = VGGT(NANO).state_dict()
    with pytest.raises(ValueError, match=f'{part}.{next(iter(changes))}'):
        check_bounds(network, weights)


@pytest.mark.parametrize(
    'values',
    [
        [],
        {'aggregator': 3},
        {'aggregator': {'depth': '24'}},
        {'aggregator': {'depth': True}},
        {'aggregator': {'depth': 24.0}},
        {'aggregator': {'mlp_ratio': float('nan')}},
        {'aggregator': {'patch_embed': 5}},
        {'aggregator': {'patch_embed': 'x' * 5000}},
        {'dpt_head': {'layers': [0] * 1000}},
        {'dpt_head': {'layers': ['a', 'b', 'c', 'd']}},
        {'enable_depth': 1},
        {'n' * 5000: 1},
    ],
)
def test_values_of_another_type_are_refused_in_a_few_words(values):
    with pytest.raises((TypeError, ValueError, ConfigError)) as caught:
        network_from(values)
    assert len(str(caught.value)) < 300
