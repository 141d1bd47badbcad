"""The network a golden file was made with, from the file's metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import json
from typing import Any

from vggt_ros.model.config import (
    AggregatorConfig,
    CameraHeadConfig,
    DptHeadConfig,
    NetworkConfig,
    TrackHeadConfig,
)

# What our settings are called in the metadata; settings that are not here have the same name.
_RENAMED = {'rope_freq': 'rope_base', 'intermediate_layer_idx': 'layers', 'iters': 'iterations'}
_TUPLES = {'out_channels', 'layers'}
_SECTIONS = {'aggregator', 'camera', 'dpt', 'track', 'track_feature_extractor', 'keep'}
_FIXED = {'aa_order': ['frame', 'global'], 'aa_block_size': 1}

_ALL_FOUR = {'out_channels': [32, 64, 64, 64], 'intermediate_layer_idx': [0, 1, 2, 3]}
_RELEASED_LAYERS = {
    'out_channels': [48, 96, 192, 384],
    'intermediate_layer_idx': [4, 11, 17, 23],
}
NAMED_CONFIGS: dict[str, dict[str, Any]] = {
    'tiny_conv': {
        'aggregator': {'embed_dim': 64, 'depth': 4, 'num_heads': 4, 'patch_embed': 'conv'},
        'camera': {'trunk_depth': 2, 'num_heads': 4},
        'dpt': {'features': 32, **_ALL_FOUR},
        'track': {'features': 32, 'corr_levels': 5, 'corr_radius': 3, 'hidden_size': 64},
        'track_feature_extractor': _ALL_FOUR,
    },
    'dino_small': {
        'aggregator': {'embed_dim': 384, 'num_heads': 6, 'patch_embed': 'dinov2_vits14_reg'},
        'camera': {},
        'dpt': {'features': 64, **_RELEASED_LAYERS},
        'track': {'features': 64, 'corr_levels': 5, 'corr_radius': 4, 'hidden_size': 128},
        'track_feature_extractor': _RELEASED_LAYERS,
    },
    'full_1b': {},
}


class GoldenError(Exception):
    """A golden file asks for something that cannot be checked."""


def config_of(metadata: Mapping[str, str], enabled: Iterable[str]) -> NetworkConfig:
    """Return the network of a golden file, with only the `enabled` heads switched on."""
    if 'config' in metadata:
        sections = json.loads(metadata['config'])
    elif metadata.get('config_name') in NAMED_CONFIGS:
        sections = NAMED_CONFIGS[metadata['config_name']]
    else:
        raise GoldenError('the metadata has neither config nor a known config_name')
    return network_config(sections, enabled)


def network_config(sections: Mapping[str, Any], enabled: Iterable[str]) -> NetworkConfig:
    """Return the network described by the sections of a golden file's configuration."""
    unknown = sorted(set(sections) - _SECTIONS)
    if unknown:
        raise GoldenError(f'unknown parts of the configuration: {unknown}')
    aggregator = _read(AggregatorConfig, sections.get('aggregator', {}))
    fixed = {
        'dim_in': aggregator.token_dim,
        'patch_size': aggregator.patch_size,
    }
    track = {**sections.get('track', {}), **sections.get('track_feature_extractor', {})}
    enabled = set(enabled)
    return NetworkConfig(
        aggregator=aggregator,
        camera_head=_read(CameraHeadConfig, sections.get('camera', {}), fixed),
        dpt_head=_read(DptHeadConfig, sections.get('dpt', {}), fixed),
        track_head=_read(TrackHeadConfig, track, fixed),
        enable_camera='camera' in enabled,
        enable_depth='depth' in enabled,
        enable_points='points' in enabled,
        enable_track='track' in enabled,
    )


def _read(kind: type, values: Mapping[str, Any], fixed: Mapping[str, Any] | None = None) -> Any:
    fixed = {**_FIXED, **(fixed or {})}
    settings = {}
    for name, value in values.items():
        if name in fixed:
            if value != fixed[name]:
                raise GoldenError(f'{name} is {value}; only {fixed[name]} is possible here')
            continue
        ours = _RENAMED.get(name, name)
        if ours not in kind.__dataclass_fields__:
            raise GoldenError(f'{kind.__name__} has no setting {name}')
        if ours in _TUPLES:
            value = tuple(value)
        elif isinstance(getattr(kind(), ours), float):
            value = float(value)
        settings[ours] = value
    return kind(**settings)
