import pytest
import torch
from torch import nn

from vggt_ros.model.config import (
    AggregatorConfig,
    CameraHeadConfig,
    DptHeadConfig,
    NetworkConfig,
    TrackHeadConfig,
)
from vggt_ros.model.vggt import VGGT

PATCH = 8


@pytest.fixture
def config():
    """A network of every part at the smallest useful size, with a patch size of its own."""
    levels = {'out_channels': (8, 8, 16, 16), 'layers': (0, 1, 1, 2)}
    return NetworkConfig(
        aggregator=AggregatorConfig(
            img_size=4 * PATCH,
            patch_size=PATCH,
            embed_dim=32,
            depth=3,
            num_heads=2,
            num_register_tokens=2,
            patch_embed='conv',
            layer_scale=0.5,
        ),
        camera_head=CameraHeadConfig(trunk_depth=1, num_heads=4, layer_scale=0.5),
        dpt_head=DptHeadConfig(features=16, **levels),
        track_head=TrackHeadConfig(
            features=16,
            corr_levels=3,
            corr_radius=2,
            hidden_size=16,
            depth=1,
            num_heads=2,
            num_virtual_tracks=3,
            **levels,
        ),
    )


@pytest.fixture
def network(config):
    return awake(VGGT(config)).eval()


@pytest.fixture
def images():
    """One scene of four frames, 24 x 32 pixels."""
    return torch.rand(1, 4, 3, 3 * PATCH, 4 * PATCH, generator=torch.Generator().manual_seed(1))


def awake(module: nn.Module) -> nn.Module:
    """Initial tokens are next to zero; give them a size that shows in the result."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            value = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim == 1:
                parameter.add_(0.1 * value)
            elif name.endswith('weight'):
                parameter.copy_(value / parameter[0].numel() ** 0.5)
            else:
                parameter.copy_(0.5 * value)
    return module
