import numpy as np
import pytest
import torch

from training.detailed_places import detailed_place, extent
from training.photo_atlas import load_atlas
from training.solid_cast import cast_all
from training.solids import box, UNUSED


@pytest.mark.parametrize('seed', range(12))
def test_a_place_encloses_its_cameras(seed, pictures):
    place = detailed_place(np.random.default_rng(seed), pictures)
    rng = np.random.default_rng(0)
    low, high = place.bounds_m
    eyes = torch.from_numpy(rng.uniform(low, high, (8, 3))).float()
    rays = torch.from_numpy(rng.normal(size=(1, 8, 50, 3))).float()
    distance = cast_all(place.solids, eyes[None], rays)
    assert torch.isfinite(distance).all()


def test_places_are_full_of_things(pictures):
    rng = np.random.default_rng(0)
    counts = [int((detailed_place(rng, pictures).solids.kind != UNUSED).sum()) for _ in range(12)]
    assert np.median(counts) > 60


def test_a_seed_always_gives_the_same_place(pictures):
    first, again = (detailed_place(np.random.default_rng(5), pictures) for _ in range(2))
    torch.testing.assert_close(first.solids.center, again.solids.center)
    assert torch.equal(first.solids.texture, again.solids.texture)


def test_without_photographs_places_show_patterns(tmp_path):
    standard = load_atlas(tmp_path, torch.device('cpu'))
    place = detailed_place(np.random.default_rng(0), standard)
    assert place.solids.texture.max() < standard.num_pictures


def test_the_extent_of_parts_encloses_them():
    low, high = extent([box((1, 0, 0), (1, 2, 3), yaw=0.5 * np.pi)])
    np.testing.assert_allclose(low, (-1, -1, -3), atol=1e-9)
    np.testing.assert_allclose(high, (3, 1, 3), atol=1e-9)
