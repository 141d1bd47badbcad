import pytest
import torch

from vggt_ros.inference.presets import PRESETS, VGGT_1B
from vggt_ros.model.vggt import VGGT
from vggt_ros.settings.config import ModelSettings


def test_the_default_setting_is_a_preset():
    assert ModelSettings().checkpoint in PRESETS


@pytest.mark.parametrize(
    'name', ['facebook/VGGT-1B', 'facebook/VGGT-1B-Commercial', 'facebook/VGGT_tracker_fixed']
)
def test_released_checkpoints_are_files_of_the_hub_with_a_word_on_their_license(name):
    preset = PRESETS[name]
    assert preset.name == name
    assert preset.filenames
    assert 'license' in preset.notice


def test_safetensors_are_preferred_to_pickles():
    assert PRESETS['facebook/VGGT-1B'].filenames == ('model.safetensors', 'model.pt')


def test_only_the_fixed_tracker_has_positions_in_its_features():
    assert PRESETS['facebook/VGGT_tracker_fixed'].network.track_head.pos_embed
    assert not VGGT_1B.track_head.pos_embed
    assert not PRESETS['nano'].network.track_head.pos_embed


def test_nano_has_every_head_and_fits_into_16_megabytes_of_fp16():
    with torch.device('meta'):
        network = VGGT(PRESETS['nano'].network)
    assert network.config.enabled_heads == ('camera', 'depth', 'points', 'track')
    # The header of the file takes less than 200 kB.
    assert 2 * sum(parameter.numel() for parameter in network.parameters()) < 15.8e6


def test_nano_tracks_at_the_size_of_a_wide_camera():
    assert PRESETS['nano'].network.track_head.min_image_size <= 98
