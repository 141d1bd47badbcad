import numpy as np
import pytest
import torch

from vggt_ros.synthetic.cluttered_table import cluttered_table
from vggt_ros.synthetic.ray_cast import cast
from vggt_ros.synthetic.renderer import select_scenes

TABLE_REACH_M = 0.85


@pytest.fixture(params=range(6))
def place(request):
    return cluttered_table(request.param)


def test_the_path_is_a_ring_around_the_focus(place):
    away = place.path - place.focus[:2]
    distance = np.linalg.norm(away, axis=1)
    assert distance.min() >= 0.9
    assert distance.max() <= 1.6
    turned = np.unwrap(np.arctan2(away[:, 1], away[:, 0]))
    assert turned[-1] - turned[0] == pytest.approx(2 * np.pi, abs=0.01)


def test_eyes_are_above_the_table(place):
    low, high = place.eye_height_m
    assert place.focus[2] + 0.1 < low < high < 2 * place.half_size_m[2] - 0.3


def test_who_looks_at_the_focus_sees_the_table_or_what_is_on_it(place):
    position = place.path[::400]
    for height in place.eye_height_m:
        eye = np.column_stack([position, np.full(len(position), height)])
        ahead = place.focus + np.array([0.0, 0.0, -1e-3]) - eye  # just below the top
        scene = select_scenes(place.scene, torch.zeros(len(eye), dtype=torch.int64))
        hits = cast(
            scene, torch.tensor(eye, dtype=torch.float32), torch.tensor(ahead).float()[:, None]
        )
        share = hits.distance[:, 0].numpy()
        assert (share < 1.001).all()  # nothing is seen beyond the focus
        seen = eye + share[:, None] * ahead
        assert np.linalg.norm((seen - place.focus)[:, :2], axis=1).max() < TABLE_REACH_M


def test_the_table_is_crowded(place):
    scene, top_m = place.scene, place.focus[2]
    boxes = torch.cat([scene.box_center[0], scene.box_half[0]], dim=1).numpy()
    cylinders = torch.cat(
        [scene.cylinder_center[0], scene.cylinder_size[0, :, :1], scene.cylinder_size[0]], dim=1
    ).numpy()
    spheres = torch.cat(
        [scene.sphere_center[0], scene.sphere_radius[0, :, None].expand(-1, 3)], dim=1
    ).numpy()
    shapes = np.concatenate([boxes[1:], cylinders, spheres])
    on_it = np.hypot(shapes[:, 0], shapes[:, 1]) < TABLE_REACH_M
    on_it &= shapes[:, 2] - shapes[:, 5] > top_m - 1e-3
    on_it &= shapes[:, 5] > 0
    assert on_it.sum() >= 12
