from collections import Counter

import numpy as np
import pytest
import torch

from vggt_ros.errors import ConfigError
from vggt_ros.synthetic.cluttered_table import cluttered_table
from vggt_ros.synthetic.corridor import corridor
from vggt_ros.synthetic.held_out import HELD_OUT_SEEDS
from vggt_ros.synthetic.open_ground import open_ground
from vggt_ros.synthetic.places import random_place
from vggt_ros.synthetic.ray_cast import cast
from vggt_ros.synthetic.renderer import select_scenes
from vggt_ros.synthetic.room import furnished_room
from vggt_ros.synthetic.scene import Scene

KINDS = (furnished_room, corridor, cluttered_table, open_ground)
NUM_EYES, NUM_RAYS = 60, 72

every_kind = pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.__name__)


def gaps(place):
    """Smallest distance on the floor between the path and each shape and wall."""
    scene, path = place.scene, place.path[::20]
    found = list((place.half_size_m[:2] - np.abs(path)).min(axis=0))
    columns = (scene.box_center, scene.box_half, scene.box_turn)
    boxes = zip(*(column[0].numpy() for column in columns), strict=True)
    for center, half, (cosine, sine) in list(boxes)[1:]:
        if half[0] > 0:
            x, y = (path - center[:2]).T
            local = np.stack([cosine * x + sine * y, cosine * y - sine * x], axis=1)
            outside = np.maximum(np.abs(local) - half[:2], 0)
            found.append(np.linalg.norm(outside, axis=1).min())
    centers = torch.cat([scene.cylinder_center[0], scene.sphere_center[0]]).numpy()
    radii = torch.cat([scene.cylinder_size[0, :, 0], scene.sphere_radius[0]]).numpy()
    for center, radius in zip(centers, radii, strict=True):
        if radius > 0:
            found.append(np.linalg.norm(path - center[:2], axis=1).min() - radius)
    return np.array(found)


@every_kind
def test_the_path_keeps_clear_of_everything(kind):
    assert min(gaps(kind(seed)).min() for seed in range(12)) >= 0.4


@every_kind
def test_cameras_on_the_path_see_nothing_too_near(kind):
    angle = torch.linspace(0, 2 * np.pi, NUM_RAYS + 1)[:-1]
    around = torch.stack([angle.cos(), angle.sin(), torch.zeros_like(angle)], dim=1)
    for seed in range(4):
        place = kind(seed)
        position = place.path[:: len(place.path) // NUM_EYES][:NUM_EYES]
        scene = select_scenes(place.scene, torch.zeros(NUM_EYES, dtype=torch.int64))
        for height in place.eye_height_m:
            eye = np.column_stack([position, np.full(NUM_EYES, height)]).astype(np.float32)
            hits = cast(scene, torch.from_numpy(eye), around.expand(NUM_EYES, -1, -1))
            assert hits.distance.min() > 0.2
            assert hits.distance.isfinite().all()


@every_kind
def test_the_path_is_closed_and_even(kind):
    path = kind(3).path
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert np.linalg.norm(path[-1] - path[0]) < 2 * steps.max()
    assert steps.max() < 0.02


@every_kind
def test_cameras_stay_between_floor_and_ceiling(kind):
    for seed in range(6):
        place = kind(seed)
        low, high = place.eye_height_m
        assert 0.2 < low < high < 2 * place.half_size_m[2] - 0.3


@every_kind
def test_everything_is_inside(kind):
    for seed in range(6):
        place = kind(seed)
        center, half = place.scene.box_center[0].numpy(), place.scene.box_half[0].numpy()
        used = half[:, 0] > 0
        assert (np.abs(center[used, :2]) <= place.half_size_m[:2]).all()
        assert (center[used, 2] >= half[used, 2] - 1e-5).all()  # not below the floor
        assert (center[used, 2] <= 2 * place.half_size_m[2]).all()


@every_kind
def test_the_same_seed_gives_the_same_place(kind):
    first, second = kind(5), kind(5)
    for name in Scene.__dataclass_fields__:
        assert getattr(first.scene, name).equal(getattr(second.scene, name))
    np.testing.assert_array_equal(first.path, second.path)


@every_kind
def test_different_seeds_give_different_places(kind):
    places = [kind(seed) for seed in range(6)]
    assert len({tuple(place.half_size_m) for place in places}) == 6
    assert len({place.scene.box_center[0, 1:].sum().item() for place in places}) == 6
    assert len({float(place.path.sum()) for place in places}) == 6


@every_kind
def test_a_place_is_furnished(kind):
    for seed in range(6):
        assert int((kind(seed).scene.box_half[0, :, 0] > 0).sum()) >= 10


def test_scenes_of_all_kinds_can_be_stacked_into_a_batch():
    scenes = [kind(1).scene for kind in KINDS]
    batch = Scene.stack(scenes)
    assert batch.num_scenes == len(KINDS)
    assert batch.texture[2:3].equal(scenes[2].texture)


def test_a_random_place_is_the_one_its_kind_makes_from_the_seed():
    for seed in range(8):
        place = random_place(seed)
        twins = [kind(seed) for kind in KINDS]
        assert sum(np.array_equal(place.path, twin.path) for twin in twins) == 1


def test_most_random_places_are_rooms_and_all_kinds_occur(monkeypatch):
    places = [kind(0) for kind in KINDS]
    kinds = tuple(lambda seed, place=place: place for place in places)
    monkeypatch.setattr('vggt_ros.synthetic.places._KINDS', kinds)
    drawn = Counter(id(random_place(seed)) for seed in range(1000))
    count = [drawn[id(place)] for place in places]
    assert 640 < count[0] < 760
    assert all(65 < other < 135 for other in count[1:])


@pytest.mark.parametrize('seed', [HELD_OUT_SEEDS[0], HELD_OUT_SEEDS[-1]])
def test_no_place_to_train_on_has_a_held_out_seed(seed):
    with pytest.raises(ConfigError, match=f'{seed} is held out'):
        random_place(seed)


def test_the_seeds_around_the_held_out_ones_are_free():
    for seed in (HELD_OUT_SEEDS[0] - 1, HELD_OUT_SEEDS[-1] + 1):
        assert len(random_place(seed).path) > 0
