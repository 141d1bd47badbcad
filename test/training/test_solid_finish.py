import numpy as np
import pytest
import torch

from training.solid_finish import finished, Light
from training.solids import Assembly, box, UNUSED

HALF = np.array([2.0, 3.0, 1.2])


@pytest.fixture
def place():
    place = Assembly()
    place.add([box((0, 0, -0.1), (2, 3, 0.1))])
    place.add([box((0, 0, 0.5), (0.1, 0.2, 0.5), yaw=0.4), box((0, 0, 1.2), (0.2, 0.2, 0.1))])
    return place


def test_a_point_on_the_edge_is_at_one_in_the_solids_axes(place, pictures):
    rng = np.random.default_rng(0)
    solids = finished(rng, place, pictures, Light.indoors(rng, HALF), num_shell=1)
    part = place.parts[1]
    corner = torch.from_numpy(part.place_from_part @ [*part.half_m, 1.0]).float()[:3]
    unit = solids.unit_from_world[0, 1] @ (corner - solids.center[0, 1])
    torch.testing.assert_close(unit, torch.ones(3))


def test_parts_of_one_material_look_alike(place, pictures):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        solids = finished(rng, place, pictures, Light.indoors(rng, HALF), num_shell=1)
        assert solids.texture[0, 1] == solids.texture[0, 2]
        torch.testing.assert_close(solids.tint[0, 1], solids.tint[0, 2])
        assert (solids.tint[0, 0] != solids.tint[0, 1]).any()
        assert (solids.kind[0, 3:] == UNUSED).all()


def test_most_things_show_photographs_if_there_are_any(place, pictures):
    chosen = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        solids = finished(rng, place, pictures, Light.indoors(rng, HALF), num_shell=1)
        chosen.append(int(solids.texture[0, 1]) < pictures.num_photos)
    assert 0.45 < np.mean(chosen) < 0.85


def test_lamps_are_within_a_room_and_suns_within_the_sky():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        lamp = Light.indoors(rng, HALF).lamp
        assert (np.abs(lamp[:2]) < HALF[:2]).all()
        assert 0 < lamp[2] < 2 * HALF[2]
        sun = Light.outdoors(rng, 40.0).lamp
        assert (np.abs(sun[:2]) < 40).all()
        assert 0 < sun[2] < 40
