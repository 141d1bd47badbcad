from dataclasses import FrozenInstanceError

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.model.config import (
    AggregatorConfig,
    CameraHeadConfig,
    DptHeadConfig,
    NetworkConfig,
    TrackHeadConfig,
)


def test_defaults_are_those_of_the_released_network():
    config = NetworkConfig()
    assert config.aggregator.token_dim == 2048
    assert config.aggregator.num_special_tokens == 5
    assert config.enabled_heads == ('camera', 'depth', 'points', 'track')
    assert config.layers_of('camera') == (23,)
    assert config.layers_of('depth') == config.layers_of('track') == (4, 11, 17, 23)


def test_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        NetworkConfig().aggregator.depth = 2


def test_default_pyramid_needs_128_pixels():
    assert TrackHeadConfig().min_image_size == 128


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: AggregatorConfig(patch_embed='resnet50'), "conv or one of .*got 'resnet50'"),
        (lambda: AggregatorConfig(patch_embed='dinov2_vits14_reg'), 'width 384.*got 1024'),
        (lambda: AggregatorConfig(img_size=520), 'multiple of 14; got 520'),
        (lambda: AggregatorConfig(num_heads=24), 'multiple of 96; got 1024'),
        (lambda: AggregatorConfig(num_register_tokens=-1), 'at least 0; got -1'),
        (lambda: AggregatorConfig(rope_base=0.0), 'greater than 0; got 0.0'),
        (lambda: AggregatorConfig(depth=0), 'greater than 0; got 0'),
        (lambda: CameraHeadConfig(iterations=0), 'greater than 0; got 0'),
        (lambda: DptHeadConfig(features=12), 'multiple of 8; got 12'),
        (lambda: DptHeadConfig(layers=(1, 2, 3)), 'four levels'),
        (lambda: DptHeadConfig(out_channels=(8, 8, 8, 6)), 'multiple of 4; got 6'),
        (lambda: TrackHeadConfig(corr_radius=-1), 'at least 0; got -1'),
        (lambda: TrackHeadConfig(hidden_size=100), 'multiple of 8; got 100'),
        (lambda: NetworkConfig(camera_head=CameraHeadConfig(num_heads=3)), 'multiple of 3'),
        (
            lambda: NetworkConfig(aggregator=AggregatorConfig(depth=20)),
            r'depth head reads list entries \[23\].*0\.\.19',
        ),
    ],
)
def test_refuses_what_does_not_fit_together(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_a_head_that_is_off_is_not_asked_for_its_layers():
    config = NetworkConfig(
        aggregator=AggregatorConfig(depth=4),
        enable_depth=False,
        enable_points=False,
        enable_track=False,
    )
    assert config.enabled_heads == ('camera',)
