"""Recomputes what golden files of a network, or of parts of one, hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import re

from golden_config import config_of, NAMED_CONFIGS, network_config
from golden_points import points_in_world
from golden_weights import golden_weights
import numpy as np
import torch
from torch import nn, Tensor

from vggt_ros.model.config import HEAD_NAMES, NetworkConfig
from vggt_ros.model.pose_encoding import decode_pose_encoding
from vggt_ros.model.rope import rotary_table
from vggt_ros.model.vggt import VGGT

INPUTS = {'images', 'query_points'}
EPS_INPUTS = {
    'frame_block0.x', 'frame_block0.pos', 'dino_block0.x', 'dino_norm.x', 'camera.tokens',
    'depth_head.tokens', 'tracker.fmaps', 'tracker.query_points',
}  # fmt: skip

_HEAD_OF_KEY = (
    (r'pose_enc\.\d+|extrinsics|intrinsics', 'camera'),
    (r'world_points_from_depth', 'camera'),
    (r'world_points_from_depth|depth|depth_conf', 'depth'),
    (r'world_points|world_points_conf', 'points'),
    (r'track_features|track\.\d+|vis|conf', 'track'),
)
_Key = tuple[NetworkConfig, int]
# The last network: two files of the same one share its weights, and never two are in memory.
_built: dict[_Key, VGGT] = {}


def build(config: NetworkConfig, seed: int) -> VGGT:
    """Return the network with golden weights."""
    key = (config, seed)
    if key not in _built:
        _built.clear()
        with torch.device('meta'):
            network = VGGT(config).eval()
        fill(network, '', seed)
        _built[key] = network
    return _built[key]


def fill(module: nn.Module, prefix: str, seed: int) -> None:
    """Give a module, made on the meta device, the weights that belong to its place."""
    entries = [(prefix + name, tensor.shape) for name, tensor in module.state_dict().items()]
    weights = {
        name[len(prefix) :]: torch.from_numpy(weight)
        for name, weight in golden_weights(entries, seed)
    }
    module.load_state_dict(weights, assign=True)


def network_outputs(
    stored: Mapping[str, np.ndarray], metadata: Mapping[str, str], device: str = 'cpu'
) -> dict[str, Tensor]:
    """Recompute the outputs that a golden file of a whole network holds, on a device."""
    heads = _heads_of(stored)
    # All heads get weights even if the file needs fewer, so that files of one network share them.
    config = config_of(metadata, HEAD_NAMES)
    network = build(config, int(metadata.get('weight_seed', 0))).to(device)
    images = torch.from_numpy(stored['images']).to(device)
    size = (images.shape[-2], images.shape[-1])
    aggregator = network.aggregator

    encoded = aggregator.encode(images.flatten(0, 1))
    kept = {int(key.split('.')[1]) for key in stored if re.fullmatch(r'tokens\.\d+', key)}
    kept &= set(range(config.aggregator.depth))
    layers = {layer for head in heads for layer in config.layers_of(head)} | kept
    patch_tokens = torch.unflatten(encoded, 0, images.shape[:2])
    tokens = aggregator.aggregate(patch_tokens, aggregator.grid_of(images), layers)
    outputs: dict[str, Tensor] = {'patch_tokens': encoded}
    outputs.update({f'tokens.{layer}': tokens[layer] for layer in kept})

    if 'camera' in heads:
        poses = network.camera_head(tokens[config.aggregator.depth - 1])
        outputs.update(_numbered('pose_enc', poses))
        outputs['extrinsics'], outputs['intrinsics'] = decode_pose_encoding(poses[-1], size)
    if 'depth' in heads:
        outputs['depth'], outputs['depth_conf'] = network.depth_head(tokens, size)
    if 'camera' in heads and 'depth' in heads:
        outputs['world_points_from_depth'] = points_in_world(
            outputs['depth'], outputs['extrinsics'], outputs['intrinsics']
        )
    if 'points' in heads:
        points, confidence = network.point_head(tokens, size)
        outputs.update(world_points=points, world_points_conf=confidence)
    if 'track' in heads:
        outputs.update(_track_outputs(network, tokens, stored, metadata))
    return {name: output.cpu() for name, output in outputs.items()}


def eps_outputs(
    stored: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> dict[str, Tensor]:
    """Recompute the calls with tiny inputs, in which every epsilon shows."""
    seed = int(metadata.get('weight_seed', 0))
    tensors = {name: torch.from_numpy(array) for name, array in stored.items()}
    with torch.device('meta'):
        tiny = VGGT(network_config(NAMED_CONFIGS['tiny_conv'], HEAD_NAMES)).eval()
        small = VGGT(network_config(NAMED_CONFIGS['dino_small'], ())).eval()
    config = tiny.config.aggregator
    outputs: dict[str, Tensor] = {}

    frame_block = tiny.aggregator.frame_blocks[0]
    fill(frame_block, 'aggregator.frame_blocks.0.', seed)
    head_dim = config.embed_dim // config.num_heads
    rope = rotary_table(tensors['frame_block0.pos'], head_dim, config.rope_base)
    outputs['frame_block0.y'] = frame_block(tensors['frame_block0.x'], rope)

    for name, part in (('block0', 'blocks.0'), ('norm', 'norm')):
        module = small.get_submodule(f'aggregator.patch_embed.{part}')
        fill(module, f'aggregator.patch_embed.{part}.', seed)
        outputs[f'dino_{name}.y'] = module(tensors[f'dino_{name}.x'])

    fill(tiny.camera_head, 'camera_head.', seed)
    outputs.update(_numbered('camera.pose_enc', tiny.camera_head(tensors['camera.tokens'])))

    fill(tiny.depth_head, 'depth_head.', seed)
    layers = dict.fromkeys(tiny.config.dpt_head.layers, tensors['depth_head.tokens'])
    height, width = stored['depth_head.depth_conf'].shape[-2:]
    depth, confidence = tiny.depth_head(layers, (height, width))
    outputs.update({'depth_head.depth': depth, 'depth_head.depth_conf': confidence})

    tracker = tiny.track_head.tracker
    fill(tracker, 'track_head.tracker.', seed)
    found = tracker(tensors['tracker.fmaps'], tensors['tracker.query_points'])
    outputs.update(_numbered('tracker.track', found.positions))
    outputs.update({'tracker.vis': found.visibility, 'tracker.conf': found.confidence})
    return outputs


def _heads_of(stored: Iterable[str]) -> set[str]:
    return {head for key in stored for pattern, head in _HEAD_OF_KEY if re.fullmatch(pattern, key)}


def _track_outputs(
    network: VGGT,
    tokens: Mapping[int, Tensor],
    stored: Mapping[str, np.ndarray],
    metadata: Mapping[str, str],
) -> dict[str, Tensor]:
    images, queries = stored['images'], torch.from_numpy(stored['query_points'])
    queries = queries.to(next(network.parameters()).device)
    size = (images.shape[-2], images.shape[-1])
    outputs = {}
    if 'track_features' in stored:
        every = int(metadata.get('track_feature_channel_stride', 1))
        features = network.track_head.feature_extractor(tokens, size)
        outputs['track_features'] = features[:, :, ::every]
    found = network.track_head(tokens, size, queries)
    outputs.update(_numbered('track', found.positions))
    outputs['vis'] = found.visibility
    if found.confidence is not None:
        outputs['conf'] = found.confidence
    return outputs


def _numbered(name: str, values: Iterable[Tensor]) -> dict[str, Tensor]:
    return {f'{name}.{i}': value for i, value in enumerate(values)}
