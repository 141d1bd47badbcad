import numpy as np
import pytest

from training.detailed_places import extent
from training.furniture import AGAINST_WALLS, ANYWHERE, on_top, OUTDOORS, small

MAKERS = {maker.__name__: maker for maker in (*AGAINST_WALLS, *ANYWHERE, *OUTDOORS, small)}


@pytest.mark.parametrize('name', MAKERS)
def test_things_stand_on_the_floor_and_are_of_sensible_size(name):
    for seed in range(12):
        parts = MAKERS[name](np.random.default_rng(seed))
        low, high = extent(parts)
        assert -0.1 < low[2] < 0.2, 'on the floor, or a little in it'
        assert (high - low).max() < 9
        assert (low < high).all()
        assert all((part.half_m > 0).all() for part in parts)


@pytest.mark.parametrize('name', MAKERS)
def test_a_seed_always_gives_the_same_and_others_differ(name):
    def sizes(seed):
        return [part.half_m.tolist() for part in MAKERS[name](np.random.default_rng(seed))]

    assert sizes(3) == sizes(3)
    assert any(sizes(3) != sizes(seed) for seed in (4, 5, 6))


def test_furniture_has_many_parts():
    rng = np.random.default_rng(0)
    assert np.mean([len(maker(rng)) for maker in AGAINST_WALLS for _ in range(5)]) > 7


def test_small_things_stand_on_the_surface_within_its_edges():
    parts = on_top(np.random.default_rng(0), (0.5, 0.3), 0.8, 6)
    low, high = extent(parts)
    assert low[2] == pytest.approx(0.8, abs=0.05)
    assert (np.abs([low[0], high[0]]) < 0.5 + 0.25).all()
    assert len({part.material for part in parts}) >= 6
