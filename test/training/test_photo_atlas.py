import numpy as np
import pytest
import torch

from training.photo_atlas import default_cache, load_atlas, pack, packed_file
from vggt_ros.synthetic.texture_atlas import num_standard_pictures, standard_atlas

CPU = torch.device('cpu')


@pytest.fixture
def cache(tmp_path):
    crops = [np.full((256, 256, 3), value, np.uint8) for value in (50, 100, 200)]
    pack(crops, packed_file(tmp_path, for_validation=False))
    pack(crops[:1], packed_file(tmp_path, for_validation=True))
    return tmp_path


def look_at(atlas, picture, texels_per_pixel=1.0):
    uv = torch.tensor([[0.3, 0.6]])
    return atlas.sample(torch.tensor([picture]), uv, torch.tensor([texels_per_pixel]))[0]


def test_photographs_come_first_then_the_standard_pictures(cache):
    pictures = load_atlas(cache, CPU)
    assert pictures.num_photos == 3
    assert pictures.num_pictures == 3 + num_standard_pictures()
    for texels_per_pixel in (1.0, 30.0, 1e6):
        color = look_at(pictures.atlas, 1, texels_per_pixel)
        torch.testing.assert_close(color, torch.full((3,), 100 / 255))
    expected = look_at(standard_atlas('cpu'), 5)
    torch.testing.assert_close(look_at(pictures.atlas, 8), expected, atol=3e-3, rtol=0)


def test_photographs_for_validation_are_others(cache):
    assert load_atlas(cache, CPU, for_validation=True).num_photos == 1


def test_without_a_cache_there_are_the_standard_pictures_and_a_warning(tmp_path, caplog):
    pictures = load_atlas(tmp_path, CPU)
    assert pictures.num_photos == 0
    assert pictures.num_pictures == num_standard_pictures()
    assert 'training.collect_photos' in caplog.text


def test_the_cache_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv('VGGT_ROS_PHOTOS', str(tmp_path))
    assert default_cache() == tmp_path
    monkeypatch.delenv('VGGT_ROS_PHOTOS')
    assert default_cache().name == 'photos'
