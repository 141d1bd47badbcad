import numpy as np
import pytest
import torch

from training.surface_cover import numbered
from training.view_rendering import intrinsics, render_windows
from vggt_ros.synthetic.renderer import render
from vggt_ros.synthetic.room import furnished_room
from vggt_ros.synthetic.walk import look

SIZE = (42, 56)


def test_the_principal_point_is_the_middle_of_the_pixel_centers():
    K = intrinsics(np.array([1.0, 1.5]), (84, 112))
    assert (K[:, 0, 2] == 55.5).all()
    assert (K[:, 1, 2] == 41.5).all()
    assert (K[:, 0, 0] == K[:, 1, 1]).all()
    assert 2 * torch.atan(56 / K[1, 0, 0]) == pytest.approx(1.5)


def test_windows_are_views_of_their_scene(pictures):
    scene = furnished_room(3).scene
    poses = look(np.tile([[0.8, 0.9, 1.2]], (2, 1)), np.array([0.0, 1.0]), np.zeros(2))
    world_from_cam, K = torch.from_numpy(poses).float(), intrinsics(np.array([1.2]), SIZE)
    window = render_windows(scene, world_from_cam[None], K, SIZE)
    alone = render(
        scene,
        torch.zeros(2, dtype=torch.int64),
        K.expand(2, 3, 3),
        world_from_cam,
        height=SIZE[0],
        width=SIZE[1],
    )
    assert torch.equal(window.rgb[0], alone.rgb)
    assert torch.equal(window.depth[0], alone.depth)
    # The same pictures in an atlas that has photographs, too.
    renumbered = render_windows(
        numbered(scene, pictures), world_from_cam[None], K, SIZE, atlas=pictures.atlas
    )
    assert (renumbered.rgb.int() - window.rgb.int()).abs().max() <= 2
