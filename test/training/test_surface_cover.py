import numpy as np
import pytest
import torch

from training.photo_atlas import load_atlas
from training.surface_cover import cover, covered, numbered, spread, tints
from vggt_ros.synthetic.room import furnished_room


@pytest.fixture(scope='module')
def scene():
    return furnished_room(5).scene


def test_only_the_look_of_a_scene_changes(scene, pictures):
    other = covered(scene, np.random.default_rng(0), pictures)
    torch.testing.assert_close(other.box_center, scene.box_center)
    torch.testing.assert_close(other.light, scene.light)
    assert other.texture.shape == scene.texture.shape
    assert (other.texture != scene.texture).float().mean() > 0.8
    assert other.texture.max() < pictures.num_pictures


def test_without_photographs_a_scene_stays_as_it_is(scene, tmp_path):
    standard = load_atlas(tmp_path, torch.device('cpu'))
    assert covered(scene, np.random.default_rng(0), standard) is scene


def test_a_numbered_scene_shows_the_same_pictures(scene, pictures):
    same = numbered(scene, pictures)
    assert torch.equal(same.texture - pictures.num_photos, scene.texture)


def test_walls_show_photographs_less_often_than_things(pictures):
    rng = np.random.default_rng(0)
    shares = []
    for is_wall in (False, True):
        chosen = cover(rng, pictures, 2000, is_wall=np.full(2000, is_wall))
        shares.append((chosen < pictures.num_photos).mean())
    assert shares == pytest.approx([0.65, 0.5], abs=0.04)


def test_tints_are_brighter_and_darker_and_a_little_colored():
    values = tints(np.random.default_rng(0), 500)
    assert values.min() > 0.3
    assert values.max() < 1.35
    assert (values.max(axis=1) / values.min(axis=1)).max() < 1.3


def test_spread_numbers_are_as_often_small_as_large():
    values = spread(np.random.default_rng(0), (0.1, 10.0), 4000)
    assert values.min() >= 0.1
    assert values.max() <= 10
    assert np.mean(values < 1) == pytest.approx(0.5, abs=0.03)
