"""The checkpoints that vggt_ros knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from vggt_ros.model.config import (
    AggregatorConfig,
    CameraHeadConfig,
    DptHeadConfig,
    NetworkConfig,
    TrackHeadConfig,
)

# Inside the package; docs/nano.md says how they came about.
NANO_WEIGHTS = Path(__file__).parent / 'weights' / 'nano.safetensors'

VGGT_1B = NetworkConfig()
NANO = NetworkConfig(
    aggregator=AggregatorConfig(
        img_size=168, embed_dim=128, depth=5, num_heads=4, patch_embed='dinov2_vitn14_reg'
    ),
    camera_head=CameraHeadConfig(trunk_depth=2, num_heads=4, mlp_ratio=2.0),
    dpt_head=DptHeadConfig(features=32, out_channels=(32, 48, 64, 64), layers=(1, 2, 3, 4)),
    track_head=TrackHeadConfig(
        features=32,
        out_channels=(32, 48, 64, 96),
        layers=(1, 2, 3, 4),
        corr_levels=5,
        corr_radius=3,
        hidden_size=96,
        depth=2,
        num_heads=4,
        num_virtual_tracks=16,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A checkpoint with a name.

    Attributes:
        name: What the setting `model.checkpoint` says; an `owner/name` is a hub repository.
        network: What the weights are for; its `img_size` is the width it was trained with.
        filenames: Files of the hub repository, the preferred one first; empty if it has none.
        weights: The file inside the package, for a preset without `filenames`.
        notice: What a user has to know about license or use; may be empty.
        license: SPDX identifier of the license of the weights; empty if it has none, or is not
            known.
    """

    name: str
    network: NetworkConfig
    filenames: tuple[str, ...] = ()
    weights: Path | None = None
    notice: str = ''
    license: str = ''


_PRESETS = (
    Preset(
        name='nano',
        network=NANO,
        weights=NANO_WEIGHTS,
        notice='nano is a small demonstration model, trained on made-up rooms: it shows how '
        'things work; for real places use released weights',
        license='Apache-2.0',
    ),
    Preset(
        name='facebook/VGGT-1B',
        network=VGGT_1B,
        filenames=('model.safetensors', 'model.pt'),
        notice='the license of these weights allows non-commercial use only',
        license='CC-BY-NC-4.0',
    ),
    Preset(
        name='facebook/VGGT-1B-Commercial',
        network=VGGT_1B,
        filenames=('model.safetensors', 'vggt_1B_commercial.pt'),
        notice='the license of these weights has terms for commercial use; see their hub page',
    ),
    Preset(
        name='facebook/VGGT_tracker_fixed',
        network=NetworkConfig(track_head=TrackHeadConfig(pos_embed=True)),
        filenames=('model_tracker_fixed_e20.pt',),
        notice='see the hub page of these weights for their license',
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _PRESETS})
