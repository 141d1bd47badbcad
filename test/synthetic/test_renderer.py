import numpy as np
import pytest
import torch

from vggt_ros.synthetic.renderer import pixel_directions, render
from vggt_ros.synthetic.room import furnished_room
from vggt_ros.synthetic.scene import Scene
from vggt_ros.synthetic.texture_atlas import num_standard_pictures, TextureAtlas
from vggt_ros.synthetic.walk import look


@pytest.fixture(scope='module')
def scene() -> Scene:
    return Scene.stack([furnished_room(seed).scene for seed in (0, 1)])


def views(num: int) -> tuple[torch.Tensor, torch.Tensor]:
    K = torch.tensor([[60.0, 0, 39.5], [0, 60, 29.5], [0, 0, 1]]).expand(num, 3, 3)
    poses = look(np.tile([[0.8, 0.9, 1.2]], (num, 1)), np.linspace(0, 2, num), np.zeros(num))
    return K, torch.from_numpy(poses).float()


def test_a_pixel_looks_through_its_center():
    K, _ = views(1)
    directions = pixel_directions(K, 60, 80).reshape(60, 80, 3)
    np.testing.assert_allclose(
        directions[10, 20], [(20 - 39.5) / 60, (10 - 29.5) / 60, 1], rtol=1e-6
    )


def test_a_batch_equals_one_by_one(scene):
    K, poses = views(4)
    which = torch.tensor([0, 1, 1, 0])
    together = render(scene, which, K, poses, height=60, width=80)
    for n in range(4):
        alone = render(scene, which[n : n + 1], K[:1], poses[n : n + 1], height=60, width=80)
        torch.testing.assert_close(alone.depth[0], together.depth[n])
        assert (alone.rgb[0].int() - together.rgb[n].int()).abs().max() <= 1


def test_every_ray_ends_inside_the_room(scene):
    K, poses = views(4)
    depth = render(scene, torch.zeros(4, dtype=torch.int64), K, poses, height=60, width=80).depth
    assert torch.isfinite(depth).all()
    assert depth.min() > 0.05
    assert depth.max() < 12


def test_a_coarse_view_is_close_to_the_average_of_a_fine_one(scene):
    """Without mip-maps the coarse view would pick single texels and be far from the average."""
    K, poses = views(4)
    which = torch.zeros(4, dtype=torch.int64)
    coarse = render(scene, which, K, poses, height=60, width=80).rgb.float()
    fine = render(scene, which, K, poses, height=60, width=80, samples=5).rgb.float()
    assert (coarse - fine).abs().mean() < 7.0
    assert (coarse - fine).std() < 14.0


def test_another_atlas_changes_colors_and_not_depth(scene):
    K, poses = views(1)
    which = torch.zeros(1, dtype=torch.int64)
    red = torch.zeros(num_standard_pictures(), 8, 8, 3)
    red[..., 0] = 1.0
    plain = render(scene, which, K, poses, height=60, width=80)
    painted = render(scene, which, K, poses, height=60, width=80, atlas=TextureAtlas(red))
    assert (painted.rgb[..., 1:] == 0).all()
    assert painted.rgb[..., 0].float().mean() > 20
    torch.testing.assert_close(painted.depth, plain.depth, rtol=0, atol=0)


def test_more_samples_leave_the_depth_alone(scene):
    K, poses = views(1)
    which = torch.zeros(1, dtype=torch.int64)
    one = render(scene, which, K, poses, height=60, width=80)
    nine = render(scene, which, K, poses, height=60, width=80, samples=3)
    torch.testing.assert_close(one.depth, nine.depth)
