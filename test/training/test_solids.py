import numpy as np
import pytest
import torch

from training.photo_atlas import load_atlas
from training.solid_finish import finished, Light
from training.solids import Assembly, ball, box, MAX_SOLIDS, pose, Solids, tube


def test_a_pose_turns_about_its_axes_in_order():
    turned = pose((1, 2, 3), yaw=0.5 * np.pi)
    np.testing.assert_allclose(turned @ [1, 0, 0, 1], [1, 3, 3, 1], atol=1e-12)
    tipped = pose((0, 0, 0), yaw=0.5 * np.pi, pitch=0.5 * np.pi)
    np.testing.assert_allclose(tipped[:3, :3] @ [1, 0, 0], [0, 0, -1], atol=1e-12)
    rolled = pose((0, 0, 0), roll=0.5 * np.pi)
    np.testing.assert_allclose(rolled[:3, :3] @ [0, 1, 0], [0, 0, 1], atol=1e-12)


def test_a_cone_is_as_wide_as_asked_for_at_both_ends():
    a, b, c = tube((0, 0, 0), 0.2, 1.0, top=0.25).quadric
    assert (a - b, a + b, c) == (1.0, 0.25, 0.0)


def test_things_keep_their_materials_apart():
    place = Assembly()
    assert place.add([box((0, 0, 0), (1, 1, 1)), box((0, 0, 0), (1, 1, 1), 1)])
    assert place.add([ball((0, 0, 0), (1, 1, 1))], pose((5, 0, 0)))
    assert [part.material for part in place.parts] == [0, 1, 2]
    assert place.num_materials == 3
    assert place.parts[2].place_from_part[0, 3] == 5


def test_a_full_place_takes_nothing_more():
    place = Assembly()
    assert place.add([box((0, 0, 0), (1, 1, 1))] * (MAX_SOLIDS - 1))
    assert not place.add([box((0, 0, 0), (1, 1, 1))] * 2)
    assert len(place.parts) == MAX_SOLIDS - 1


@pytest.fixture
def solids(tmp_path):
    rng = np.random.default_rng(0)
    place = Assembly()
    place.add([box((0, 0, 0), (1, 2, 3), yaw=0.3)])
    light = Light.indoors(rng, np.array([2.0, 2.0, 1.2]))
    pictures = load_atlas(tmp_path, torch.device('cpu'))
    return finished(rng, place, pictures, light, num_shell=1)


def test_places_stack_and_move_between_devices(solids):
    both = Solids.stack([solids, solids]).to(torch.device('cpu'))
    assert both.kind.shape == (2, MAX_SOLIDS)
    torch.testing.assert_close(both.half_m[1], solids.half_m[0])
