import numpy as np
import pytest
import torch

from vggt_ros.synthetic.shapes import (
    Finish,
    is_clear,
    MAX_BOXES,
    MAX_CYLINDERS,
    MAX_SPHERES,
    PLASTER_PICTURES,
    Shapes,
)
from vggt_ros.synthetic.texture_atlas import num_standard_pictures, standard_atlas

FLOOR = np.zeros(3)


@pytest.fixture
def shapes():
    return Shapes.within(np.array([3.0, 2.0, 1.25]))


def test_the_place_itself_stands_on_the_floor(shapes):
    scene = shapes.scene(np.random.default_rng(0), Finish())
    assert scene.box_center[0, 0].tolist() == [0.0, 0.0, 1.25]
    assert scene.box_half[0, 0].tolist() == [3.0, 2.0, 1.25]


def test_shapes_stand_on_their_base(shapes):
    base = np.array([1.0, 0.5, 0.2])
    shapes.add_box(base, np.array([0.1, 0.2, 0.3]), np.pi / 2)
    shapes.add_cylinder(base, 0.1, 0.4)
    shapes.add_sphere(base, 0.15)
    scene = shapes.scene(np.random.default_rng(0), Finish())
    np.testing.assert_allclose(scene.box_center[0, 1], [1.0, 0.5, 0.5])
    np.testing.assert_allclose(scene.box_turn[0, 1], [0.0, 1.0], atol=1e-7)
    np.testing.assert_allclose(scene.cylinder_center[0, 0], [1.0, 0.5, 0.6])
    np.testing.assert_allclose(scene.sphere_center[0, 0], [1.0, 0.5, 0.35])


def test_what_has_no_place_any_more_is_refused(shapes):
    boxes = [shapes.add_box(FLOOR, np.ones(3), 0.0) for _ in range(MAX_BOXES)]
    cylinders = [shapes.add_cylinder(FLOOR, 0.1, 0.1) for _ in range(MAX_CYLINDERS + 1)]
    spheres = [shapes.add_sphere(FLOOR, 0.1) for _ in range(MAX_SPHERES + 1)]
    for added in (boxes, cylinders, spheres):
        assert all(added[:-1])
        assert not added[-1]


def test_a_full_place_gets_nothing_on_top(shapes):
    rng = np.random.default_rng(0)
    for _ in range(200):
        shapes.put_on_top(rng, np.array([0.0, 0.0, 0.4]), np.array([0.4, 0.4, 0.4]))
    assert len(shapes.boxes) == MAX_BOXES
    assert len(shapes.cylinders) == MAX_CYLINDERS
    assert len(shapes.spheres) == MAX_SPHERES
    assert shapes.scene(rng, Finish()).box_half.min() > 0


def test_nothing_is_put_on_top_of_what_is_too_high(shapes):
    for seed in range(9):
        high = np.array([0.0, 0.0, 1.0])
        shapes.put_on_top(np.random.default_rng(seed), high, np.array([0.3, 0.3, 0.6]))
    assert (len(shapes.boxes), len(shapes.cylinders), len(shapes.spheres)) == (1, 0, 0)


def test_the_finish_sets_pictures_tiles_and_light(shapes):
    finish = Finish(
        tile_m=(0.2, 0.3),
        wall_tile_m=(4.0, 5.0),
        floor_tile_share=0.5,
        plaster_share=1.0,
        lamp_height_m=2.0,
        ambient=(0.7, 0.8),
    )
    scene = shapes.scene(np.random.default_rng(0), finish)
    tile_m = scene.tile_m[0].numpy()
    walls, floor, furniture = tile_m[[0, 1, 2, 3, 5]], tile_m[4], tile_m[6:]
    assert walls.min() >= 4.0
    assert 2.0 <= floor <= 2.5
    assert furniture.max() <= 0.3
    assert set(scene.texture.flatten().tolist()) <= set(PLASTER_PICTURES)
    assert scene.light[0, 2] == 2.0
    assert 0.7 <= scene.ambient[0] <= 0.8


def test_plaster_changes_nothing_else(shapes):
    bare = shapes.scene(np.random.default_rng(1), Finish())
    plain = shapes.scene(np.random.default_rng(1), Finish(plaster_share=0.5))
    assert not bare.texture.equal(plain.texture)
    for name in ('tile_m', 'tint', 'light', 'ambient'):
        assert getattr(bare, name).equal(getattr(plain, name))


def test_all_faces_of_a_piece_wear_one_picture(shapes):
    scene = shapes.scene(np.random.default_rng(2), Finish(plaster_share=0.5))
    faces = scene.texture[0, 6 : 6 * MAX_BOXES].view(-1, 6)
    assert faces.eq(faces[:, :1]).all()
    assert len(set(scene.texture[0, :6].tolist())) > 1


def test_plaster_is_the_plainest_of_the_standard_pictures():
    atlas, count = standard_atlas('cpu'), num_standard_pictures()
    uv = torch.rand(500, 2, generator=torch.Generator().manual_seed(0)).repeat(count, 1)
    picture = torch.arange(count).repeat_interleave(500)
    colors = atlas.sample(picture, uv, torch.ones(len(uv))).view(count, 500, 3)
    contrast = colors.std(dim=1).mean(dim=1)
    plainest = contrast.argsort()[: len(PLASTER_PICTURES)]
    assert set(plainest.tolist()) == set(PLASTER_PICTURES)


def test_a_disc_is_clear_of_a_path_with_the_margin_between_them():
    angle = np.linspace(0, 2 * np.pi, 20_000)
    path = 2.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert is_clear(path, np.zeros(2), 1.55)
    assert not is_clear(path, np.zeros(2), 1.65)
    assert not is_clear(path, np.array([2.0, 0.0]), 0.0)
