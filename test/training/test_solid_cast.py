import numpy as np
import pytest
import torch

from training.detailed_places import detailed_place
from training.solid_cast import cast_all, cast_pictures, TILE
from training.solid_finish import finished, Light
from training.solids import Assembly, ball, box, Solids, tube
from training.view_rendering import intrinsics
from vggt_ros.synthetic.renderer import pixel_directions
from vggt_ros.synthetic.walk import look


@pytest.fixture(scope='module')
def solids_of(pictures):
    def make(*parts):
        rng = np.random.default_rng(0)
        place = Assembly()
        place.add(parts)
        light = Light.indoors(rng, np.array([2.0, 2.0, 1.2]))
        return finished(rng, place, pictures, light, num_shell=1)

    return make


def distance(solids, origin, direction):
    at, along = (torch.tensor(v, dtype=torch.float32) for v in (origin, direction))
    return float(cast_all(solids, at[None, None], along[None, None, None])[0, 0, 0])


def test_a_box_is_met_on_its_face(solids_of):
    solids = solids_of(box((5, 0, 0), (1, 2, 3), yaw=0.5 * np.pi))
    assert distance(solids, (0, 0, 0), (1, 0, 0)) == pytest.approx(3, abs=1e-5)
    assert distance(solids, (0, 0, 0), (0.5, 0, 0)) == pytest.approx(6, abs=1e-5)
    assert distance(solids, (0, 1.5, 0), (1, 0, 0)) == np.inf


def test_a_ball_is_met_on_its_surface(solids_of):
    solids = solids_of(ball((5, 0, 0), (1, 1, 1)))
    assert distance(solids, (0, 0, 0), (1, 0, 0)) == pytest.approx(4, abs=1e-5)
    assert distance(solids, (0, 0.6, 0), (1, 0, 0)) == pytest.approx(5 - 0.8, abs=1e-5)
    assert distance(solids, (0, 0, 1.1), (1, 0, 0)) == np.inf


def test_a_tube_is_met_on_its_side_and_on_its_cap(solids_of):
    solids = solids_of(tube((5, 0, 0), 1.0, 2.0))
    assert distance(solids, (0, 0, 1.9), (1, 0, 0)) == pytest.approx(4, abs=1e-5)
    assert distance(solids, (0, 0, 2.1), (1, 0, 0)) == np.inf
    assert distance(solids, (5.5, 0, 5), (0, 0, -1)) == pytest.approx(3, abs=1e-5)


def test_a_cone_grows_narrower_upwards(solids_of):
    solids = solids_of(tube((5, 0, 0), 1.0, 1.0, top=0.0))
    assert distance(solids, (0, 0, 0), (1, 0, 0)) == pytest.approx(4.5, abs=1e-5)
    assert distance(solids, (0, 0, -0.99), (1, 0, 0)) == pytest.approx(4.005, abs=1e-4)
    # Along the axis and steeper than the side: in through the side, or the base from below.
    assert distance(solids, (5.25, 0, 5), (0, 0, -1)) == pytest.approx(4.5, abs=1e-4)
    assert distance(solids, (5.25, 0, -5), (0, 0, 1)) == pytest.approx(4, abs=1e-4)


def test_what_is_behind_or_unused_is_not_met(solids_of):
    solids = solids_of(box((5, 0, 0), (1, 1, 1)))
    assert distance(solids, (0, 0, 0), (-1, 0, 0)) == np.inf
    assert distance(solids, (10, 10, 10), (1, 1, 1)) == np.inf


def test_the_nearest_solid_hides_the_others(solids_of):
    solids = solids_of(box((9, 0, 0), (1, 1, 1)), ball((5, 0, 0), (1, 1, 1)))
    assert distance(solids, (0, 0, 0), (1, 0, 0)) == pytest.approx(4, abs=1e-5)


@pytest.mark.parametrize('seed', range(4))
def test_tile_by_tile_is_the_same_as_all_with_all(seed, pictures):
    rng = np.random.default_rng(seed)
    places = [detailed_place(rng, pictures) for _ in range(2)]
    solids = Solids.stack([place.solids for place in places])
    size = 3 * TILE, 4 * TILE
    center = np.stack([place.bounds_m.mean(axis=0) for place in places])
    poses = torch.from_numpy(look(center, rng.uniform(-3, 3, 2), rng.uniform(-1, 1, 2))).float()
    rays = pixel_directions(intrinsics(np.array([1.2, 1.8]), size), *size)
    origin, rotation = poses[:, :3, 3], poses[:, :3, :3]
    hits = cast_pictures(solids, torch.arange(2), origin, rotation, rays.view(2, *size, 3))
    expected = cast_all(solids, origin[:, None], (rays @ rotation.mT)[:, None])[:, 0]
    is_same = torch.isclose(hits.distance, expected, rtol=1e-3, atol=1e-3)
    assert is_same.float().mean() > 0.999, 'rays that graze an edge may differ'
    assert torch.isfinite(expected).all()
