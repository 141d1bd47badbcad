import copy
from dataclasses import replace
import json
from pathlib import Path

import pytest
import torch

from vggt_ros.errors import PredictionError
from vggt_ros.model.config import (
    AggregatorConfig,
    CameraHeadConfig,
    DptHeadConfig,
    NetworkConfig,
    TrackHeadConfig,
)
from vggt_ros.model.vggt import VGGT

STATE_DICTS = json.loads((Path(__file__).parent / 'data' / 'state_dicts.json').read_text())
_TINY_LEVELS = {'out_channels': (32, 64, 64, 64), 'layers': (0, 1, 2, 3)}
_SMALL_CHANNELS = (48, 96, 192, 384)
CONFIGS = {
    'vggt_1b': NetworkConfig(),
    'tiny_conv': NetworkConfig(
        aggregator=AggregatorConfig(embed_dim=64, depth=4, num_heads=4, patch_embed='conv'),
        camera_head=CameraHeadConfig(trunk_depth=2, num_heads=4),
        dpt_head=DptHeadConfig(features=32, **_TINY_LEVELS),
        track_head=TrackHeadConfig(
            features=32, corr_levels=5, corr_radius=3, hidden_size=64, **_TINY_LEVELS
        ),
    ),
    'dino_small': NetworkConfig(
        aggregator=AggregatorConfig(embed_dim=384, num_heads=6, patch_embed='dinov2_vits14_reg'),
        dpt_head=DptHeadConfig(features=64, out_channels=_SMALL_CHANNELS),
        track_head=TrackHeadConfig(
            features=64, corr_levels=5, hidden_size=128, out_channels=_SMALL_CHANNELS
        ),
    ),
}
QUERIES = torch.tensor([[[3.0, 4.0], [20.0, 11.0]]])


@pytest.mark.parametrize('name', CONFIGS)
def test_state_dict_has_the_released_names_and_shapes(name):
    expected = {}
    for pattern, shape, *count in STATE_DICTS[name]:
        for i in range(count[0] if count else 1):
            expected[pattern.replace('*', str(i))] = tuple(shape)
    with torch.device('meta'):
        network = VGGT(CONFIGS[name])
    found = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert found == expected


def test_released_network_has_its_number_of_parameters():
    with torch.device('meta'):
        network = VGGT()
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_256_537_516


def test_output_has_every_key_and_shape(network, images):
    outputs = network(images, QUERIES)
    shapes = {key: tuple(value.shape) for key, value in outputs.items() if key != 'pose_enc_list'}
    assert shapes == {
        'pose_enc': (1, 4, 9),
        'depth': (1, 4, 24, 32, 1),
        'depth_conf': (1, 4, 24, 32),
        'world_points': (1, 4, 24, 32, 3),
        'world_points_conf': (1, 4, 24, 32),
        'track': (1, 4, 2, 2),
        'vis': (1, 4, 2),
        'conf': (1, 4, 2),
        'images': (1, 4, 3, 24, 32),
    }
    assert torch.equal(outputs['pose_enc'], outputs['pose_enc_list'][-1])


def test_missing_batch_axes_are_added(network, images):
    expected, found = network(images, QUERIES), network(images[0], QUERIES[0])
    assert torch.equal(found['track'], expected['track'])
    assert found['images'].shape == (1, 4, 3, 24, 32)


def test_training_returns_no_images(network, images):
    assert 'images' not in network.train()(images)


def test_only_the_named_heads_run(network, images):
    outputs = network(images, QUERIES, heads={'depth'})
    assert set(outputs) == {'depth', 'depth_conf', 'images'}
    assert torch.equal(outputs['depth'], network(images)['depth'])


def test_tracks_need_query_points(network, images):
    assert 'track' not in network(images)
    with pytest.raises(PredictionError, match='needs query points'):
        network(images, heads=['track'])


def test_heads_that_are_off_have_no_weights_and_no_output(config, images):
    network = VGGT(replace(config, enable_points=False, enable_track=False)).eval()
    assert set(network(images, QUERIES)) == {
        'pose_enc', 'pose_enc_list', 'depth', 'depth_conf', 'images',
    }  # fmt: skip
    assert not [name for name in network.state_dict() if name.startswith(('point', 'track'))]
    with pytest.raises(PredictionError, match='no head points; it has camera, depth'):
        network(images, heads=['points'])


def test_permuting_the_other_frames_permutes_every_output(network, images):
    order = [0, 2, 3, 1]
    expected, found = network(images), network(images[:, order])
    for key in ('pose_enc', 'depth', 'world_points', 'depth_conf'):
        torch.testing.assert_close(found[key], expected[key][:, order], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('shape', [(3, 24, 32), (1, 4, 4, 24, 32), (0, 3, 24, 32), (4, 24, 32, 3)])
def test_refuses_images_of_another_shape(network, shape):
    with pytest.raises(PredictionError, match=r'\(B, S, 3, H, W\)'):
        network(torch.zeros(shape))


def test_refuses_images_that_are_not_whole_patches(network):
    with pytest.raises(PredictionError, match=r'30 x 24 px.*patch size 8'):
        network(torch.zeros(1, 3, 24, 30))


@pytest.mark.parametrize('shape', [(2, 5, 2), (1, 5, 3), (5,)])
def test_refuses_query_points_of_another_shape(network, images, shape):
    with pytest.raises(PredictionError, match=r'\(1, N, 2\)'):
        network(images, torch.zeros(shape))


def test_refuses_to_track_in_images_that_are_too_small(config):
    network = VGGT(replace(config, track_head=replace(config.track_head, corr_levels=5)))
    with pytest.raises(PredictionError, match=r'24 x 24 px.*at least 32 px'):
        network(torch.zeros(1, 3, 24, 24), torch.zeros(1, 2))


def test_heads_stay_single_under_autocast(network, images):
    with torch.autocast('cpu', torch.bfloat16):
        outputs = network(images, QUERIES)
    outputs.pop('pose_enc_list')
    assert {value.dtype for value in outputs.values()} == {torch.float32}


def test_inference_first_leaves_training_and_copies_possible(network, images):
    with torch.inference_mode():
        network(images, QUERIES)
    clone = copy.deepcopy(network).train()
    outputs = clone(images, QUERIES)
    total = sum(outputs[key].square().mean() for key in ('pose_enc', 'world_points', 'track'))
    total.backward()
    assert clone.aggregator.camera_token.grad.abs().max() > 0
    assert clone.track_head.tracker.query_ref_token.grad.abs().max() > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
def test_a_warm_forward_pass_never_waits_for_the_device(network, images):
    network, images, queries = network.cuda(), images.cuda(), QUERIES.cuda()
    with torch.inference_mode(), torch.autocast('cuda', torch.bfloat16):
        network(images, queries)
        torch.cuda.set_sync_debug_mode('error')
        try:
            network(images, queries)
        finally:
            torch.cuda.set_sync_debug_mode('default')
