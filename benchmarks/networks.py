"""The networks that benchmarks run, with reproducible weights."""

from __future__ import annotations

import torch

from vggt_ros.inference.checkpoint import Checkpoint, load_network
from vggt_ros.inference.device import resolve_device, resolve_precision
from vggt_ros.inference.predictor import Predictor
from vggt_ros.inference.untrained import fill_untrained
from vggt_ros.model.config import (
    AggregatorConfig,
    CameraHeadConfig,
    DptHeadConfig,
    ENCODER_SIZES,
    EncoderSize,
    NetworkConfig,
    TrackHeadConfig,
)
from vggt_ros.model.vggt import VGGT

_CHANNELS = (96, 192, 384, 384)
# An encoder as deep as the one of VGGT-1B; no released network has it at this width.
ENCODER_SIZES['benchmark_width384'] = EncoderSize(384, 24, 6)
_WIDTH_384 = NetworkConfig(
    aggregator=AggregatorConfig(
        img_size=182, embed_dim=384, num_heads=6, patch_embed='benchmark_width384'
    ),
    camera_head=CameraHeadConfig(num_heads=6),
    dpt_head=DptHeadConfig(features=96, out_channels=_CHANNELS),
    track_head=TrackHeadConfig(
        features=96, out_channels=_CHANNELS, corr_levels=5, hidden_size=192, num_heads=6
    ),
)
_UNTRAINED = {'width384': _WIDTH_384, '1b': NetworkConfig()}
NAMES = ('nano', *_UNTRAINED)
# Width and height in pixels that each is measured at.
IMAGE_SIZES = {'nano': (168, 126), 'width384': (182, 140), '1b': (518, 392)}


def load_predictor(
    name: str, *, device: str, precision: str, compile_blocks: bool = False, image_size: int = 0
) -> Predictor:
    """Return a predictor of one of the networks in `NAMES`.

    Args:
        name: `nano` as it is shipped; `width384` and `1b` have the sizes of real networks and
            weights from a fixed seed, which cost the same time.
        device: As `model.device`.
        precision: As `model.precision`.
        compile_blocks: As `model.compile`.
        image_size: As `model.image_size`.
    """
    chosen = resolve_device(device)
    if name == 'nano':
        network, about = load_network('nano')
    else:
        with torch.device('meta'):
            network = VGGT(_UNTRAINED[name])
        fill_untrained(network)
        network.requires_grad_(False).eval()
        about = Checkpoint(
            name=name,
            path=None,
            network=network.config,
            num_parameters=sum(p.numel() for p in network.parameters()),
            is_trained=False,
            notice='',
        )
    return Predictor(
        network,
        about,
        device=chosen,
        precision=resolve_precision(precision, chosen),
        compile_blocks=compile_blocks,
        image_size=image_size,
    )
