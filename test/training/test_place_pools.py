import numpy as np
import pytest
import torch

from training.detailed_places import detailed_place
from training.place_pools import (
    DetailedPool,
    place_poses,
    render_detailed,
    SimplePool,
    TRAINING_SEEDS,
)
from training.validation_sets import VALIDATION_SEEDS
from vggt_ros.synthetic.held_out import HELD_OUT_SEEDS
from vggt_ros.synthetic.places import random_place

CPU = torch.device('cpu')
SIZE = (42, 56)


@pytest.fixture(scope='module', params=[SimplePool, DetailedPool])
def pool(request, pictures):
    return request.param(np.random.default_rng(3), CPU, pictures)


def test_windows_are_as_asked_for(pool):
    views = pool.render(3, 4, SIZE)
    assert views.rgb.shape == (3, 4, *SIZE, 3)
    assert torch.isfinite(views.depth).all()
    assert (views.depth > 0).all()
    assert views.rgb.float().std() > 10


def test_fields_of_view_are_40_to_110_degrees(pool):
    fov = []
    for _ in range(6):
        K = pool.render(8, 1, SIZE).K
        fov.append(torch.rad2deg(2 * torch.atan(0.5 * SIZE[1] / K[:, 0, 0])))
    fov = torch.cat(fov)
    assert fov.min() >= 40
    assert fov.max() <= 110
    assert fov.max() - fov.min() > 40


def test_places_are_renewed(pool):
    before = list(pool._places)
    for _ in range(20):
        pool.render(1, 1, SIZE)
    kept = {id(place) for place in before} & {id(place) for place in pool._places}
    assert len(kept) < 0.7 * len(before)


def test_seeds_of_measurements_are_never_drawn():
    assert not set(HELD_OUT_SEEDS) & set(TRAINING_SEEDS)
    assert not set(VALIDATION_SEEDS) & set(TRAINING_SEEDS)
    assert 0 not in TRAINING_SEEDS, 'the walk of the demo'


def test_views_are_exposed_alike(pictures):
    rng = np.random.default_rng(0)
    places = [detailed_place(rng, pictures) for _ in range(6)]
    views = render_detailed(rng, places, 2, SIZE, pictures, CPU)
    means = views.rgb.float().mean(dim=(1, 2, 3, 4)) / 255
    assert (means > 0.12).all()
    assert (means < 0.7).all()


def test_free_cameras_stay_within_simple_places():
    places = [random_place(seed) for seed in range(1, 9)]
    poses = place_poses(np.random.default_rng(0), places, np.full(8, 1.2), 4)
    for window, place in zip(poses, places, strict=True):
        assert (np.abs(window[:, :2, 3]) < place.half_size_m[:2]).all()
        assert (window[:, 2, 3] > 0).all()
        assert (window[:, 2, 3] < 2 * place.half_size_m[2]).all()
