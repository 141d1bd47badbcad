import numpy as np

from vggt_ros.synthetic.open_ground import open_ground


def test_walls_and_ceiling_are_far():
    for seed in range(12):
        place = open_ground(seed)
        x, y, z = place.half_size_m
        assert 15.0 <= x <= 30.0
        assert 15.0 <= y <= 30.0
        assert 6.0 <= z <= 10.0
        assert (place.half_size_m[:2] - np.abs(place.path)).min() > 5.0


def test_the_path_is_wide():
    for seed in range(12):
        assert (np.ptp(open_ground(seed).path, axis=0) > 6.0).all()


def test_things_are_of_many_sizes():
    half = np.concatenate([open_ground(seed).scene.box_half[0, 1:] for seed in range(12)])
    width = 2 * half[half[:, 0] > 0].max(axis=1)
    assert width.min() < 0.4
    assert width.max() > 1.8
    round_m = np.concatenate([open_ground(seed).scene.sphere_radius[0] for seed in range(12)])
    assert round_m.max() <= 1.25


def test_things_stand_beside_the_path():
    for seed in range(6):
        place = open_ground(seed)
        used = place.scene.box_half[0, :, 0] > 0
        center = place.scene.box_center[0, used].numpy()[1:, :2]
        away = np.linalg.norm(center[:, None] - place.path[None, ::100], axis=2).min(axis=1)
        assert away.max() < 6.0


def test_far_walls_have_larger_pictures_than_things():
    tile_m = open_ground(0).scene.tile_m[0]
    assert tile_m[:4].min() > tile_m[6:].max()
