import math

import pytest
import torch

from vggt_ros.synthetic.ray_cast import cast
from vggt_ros.synthetic.scene import Scene


@pytest.fixture
def make_scene():
    """A room of 10 m with whatever shapes are given, as (center, size...) rows."""

    def make(boxes=(), cylinders=(), spheres=()) -> Scene:
        rows = [((0, 0, 0), (5, 5, 5), 0.0), *boxes]
        cylinders = cylinders or [((0, 0, 0), (-1.0, -1.0))]
        spheres = spheres or [((0, 0, 0), -1.0)]
        surfaces = 6 * len(rows) + len(cylinders) + len(spheres)
        return Scene(
            box_center=torch.tensor([[r[0] for r in rows]], dtype=torch.float32),
            box_half=torch.tensor([[r[1] for r in rows]], dtype=torch.float32),
            box_turn=torch.tensor(
                [[(math.cos(r[2]), math.sin(r[2])) for r in rows]], dtype=torch.float32
            ),
            cylinder_center=torch.tensor([[c[0] for c in cylinders]], dtype=torch.float32),
            cylinder_size=torch.tensor([[c[1] for c in cylinders]], dtype=torch.float32),
            sphere_center=torch.tensor([[s[0] for s in spheres]], dtype=torch.float32),
            sphere_radius=torch.tensor([[s[1] for s in spheres]], dtype=torch.float32),
            texture=torch.zeros(1, surfaces, dtype=torch.int64),
            tile_m=torch.ones(1, surfaces),
            tint=torch.ones(1, surfaces, 3),
            light=torch.zeros(1, 3),
            ambient=torch.ones(1),
        )

    return make


def distance(scene: Scene, origin, direction) -> tuple[float, int]:
    hits = cast(scene, torch.tensor([origin]), torch.tensor([[direction]]))
    return float(hits.distance[0, 0]), int(hits.shape[0, 0])


def test_the_room_is_seen_from_inside(make_scene):
    found, shape = distance(make_scene(), (1.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    assert found == pytest.approx(4.0)
    assert shape == 0


def test_distances_count_in_lengths_of_the_direction(make_scene):
    found, _ = distance(make_scene(), (1.0, 0.0, 0.0), (2.0, 0.0, 0.0))
    assert found == pytest.approx(2.0)


def test_a_turned_box_is_met_at_its_corner(make_scene):
    scene = make_scene(boxes=[((3, 0, 0), (1, 1, 1), math.pi / 4)])
    found, shape = distance(scene, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    assert found == pytest.approx(3 - math.sqrt(2), rel=1e-4)
    assert shape == 1


def test_a_sphere_is_met_on_its_near_side(make_scene):
    scene = make_scene(spheres=[((0, 3, 0), 0.5)])
    assert distance(scene, (0.0, 0.0, 0.0), (0.0, 1.0, 0.0)) == (pytest.approx(2.5), 2)


def test_a_cylinder_has_a_side_and_a_lid(make_scene):
    scene = make_scene(cylinders=[((0, 0, -3), (0.5, 1.0))])
    from_above, _ = distance(scene, (0.2, 0.0, 0.0), (0.0, 0.0, -1.0))
    assert from_above == pytest.approx(2.0)
    from_the_side, _ = distance(scene, (2.0, 0.0, -3.0), (-1.0, 0.0, 0.0))
    assert from_the_side == pytest.approx(1.5)


def test_the_nearest_shape_hides_the_others(make_scene):
    scene = make_scene(boxes=[((3, 0, 0), (1, 1, 1), 0.0)], spheres=[((1, 0, 0), 0.2)])
    assert distance(scene, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0)) == (pytest.approx(0.8), 3)


def test_unused_places_are_never_met(make_scene):
    scene = make_scene(boxes=[((0, 0, 0), (-1, -1, -1), 0.0)])
    found, shape = distance(scene, (0.0, 0.0, 0.5), (0.0, 0.6, 0.8))
    assert shape == 0
    assert found == pytest.approx(4.5 / 0.8)


def test_scenes_of_a_batch_do_not_mix(make_scene):
    near, far = make_scene(spheres=[((2, 0, 0), 0.5)]), make_scene(spheres=[((4, 0, 0), 0.5)])
    both = Scene.stack([near, far])
    hits = cast(both, torch.zeros(2, 3), torch.tensor([[[1.0, 0, 0]], [[1.0, 0, 0]]]))
    torch.testing.assert_close(hits.distance[:, 0], torch.tensor([1.5, 3.5]))
