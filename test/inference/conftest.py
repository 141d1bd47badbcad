import pytest

from vggt_ros.model.config import (
    AggregatorConfig,
    CameraHeadConfig,
    DptHeadConfig,
    NetworkConfig,
    TrackHeadConfig,
)


@pytest.fixture(scope='session')
def tiny_config():
    """The smallest network with everything in it; made for images of 56 pixels and more."""
    layers, channels = (0, 0, 1, 1), (8, 8, 8, 8)
    return NetworkConfig(
        aggregator=AggregatorConfig(
            img_size=56, embed_dim=16, depth=2, num_heads=2, patch_embed='conv'
        ),
        camera_head=CameraHeadConfig(trunk_depth=1, num_heads=2, iterations=2),
        dpt_head=DptHeadConfig(features=8, out_channels=channels, layers=layers),
        track_head=TrackHeadConfig(
            features=8,
            out_channels=channels,
            layers=layers,
            corr_levels=3,
            corr_radius=2,
            hidden_size=16,
            depth=1,
            num_heads=2,
            num_virtual_tracks=4,
            iterations=2,
        ),
    )
