import numpy as np

from vggt_ros.synthetic.corridor import corridor


def test_corridors_are_long_and_narrow():
    for seed in range(12):
        x, y, z = corridor(seed).half_size_m
        assert 6.0 <= x <= 12.0
        assert 0.9 <= y <= 1.5
        assert 2.2 <= 2 * z <= 3.2


def test_the_way_leads_up_and_down_the_corridor():
    for seed in range(6):
        place = corridor(seed)
        reach = np.abs(place.path).max(axis=0)
        assert reach[0] > place.half_size_m[0] - 1.3
        assert reach[1] < 0.65
        heading = np.sign(np.diff(place.path[:, 0]))
        assert 0.4 < (heading > 0).mean() < 0.6


def test_both_long_walls_and_the_ends_have_something():
    for seed in range(6):
        place = corridor(seed)
        used = place.scene.box_half[0, :, 0] > 0
        x, y, _ = place.scene.box_center[0, used].numpy()[1:].T
        length, width = place.half_size_m[:2]
        assert (x < -0.95 * length).any()
        assert (x > 0.95 * length).any()
        assert (y < -0.4 * width).sum() >= 3
        assert (y > 0.4 * width).sum() >= 3


def test_corridors_have_round_things_by_chance():
    scenes = [corridor(seed).scene for seed in range(20)]
    for radius in ('cylinder_size', 'sphere_radius'):
        has_some = [bool((getattr(scene, radius) > 0).any()) for scene in scenes]
        assert len(set(has_some)) == 2
