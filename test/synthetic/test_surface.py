import math

import numpy as np
import pytest
import torch

from vggt_ros.synthetic.ray_cast import cast
from vggt_ros.synthetic.room import furnished_room
from vggt_ros.synthetic.surface import surface_at


@pytest.fixture(scope='module')
def seen():
    """What rays in all directions from one point of a room meet."""
    scene = furnished_room(2).scene
    origin = torch.tensor([[0.9, 0.8, 1.2]])
    direction = torch.randn(1, 4000, 3, generator=torch.Generator().manual_seed(0))
    hits = cast(scene, origin, direction)
    return scene, origin, direction, hits, surface_at(scene, origin, direction, hits)


def test_normals_are_unit_vectors_towards_the_eye(seen):
    _, _, direction, _, surface = seen
    torch.testing.assert_close(surface.normal.norm(dim=-1), torch.ones(1, 4000), atol=1e-4, rtol=0)
    facing = (surface.normal * direction).sum(-1) < 1e-3
    assert facing.float().mean() > 0.995  # rays along an edge may go either way


def test_points_are_where_the_rays_end(seen):
    _, origin, direction, hits, surface = seen
    expected = origin[:, None] + hits.distance[..., None] * direction
    torch.testing.assert_close(surface.point, expected)


def test_points_of_the_room_lie_on_the_numbered_wall(seen):
    scene, _, _, hits, surface = seen
    half = scene.box_half[0, 0]
    for face in range(6):
        axis, sign = face // 2, 1 if face % 2 else -1
        on_face = (surface.number[0] == face) & (hits.shape[0] == 0)
        assert on_face.any()
        distance = surface.point[0, on_face, axis] - scene.box_center[0, 0, axis]
        torch.testing.assert_close(
            distance, torch.full_like(distance, sign * float(half[axis])), atol=1e-3, rtol=0
        )


def test_a_meter_on_a_wall_is_a_meter_of_texture(seen):
    _, _, _, _, surface = seen
    wall = surface.number[0] == 0
    point, uv = surface.point[0, wall], surface.uv_m[0, wall]
    torch.testing.assert_close(
        (uv[1:] - uv[:-1]).norm(dim=-1),
        (point[1:, 1:] - point[:-1, 1:]).norm(dim=-1),
        atol=1e-3,
        rtol=1e-3,
    )


def test_round_shapes_have_surfaces_of_their_own():
    for seed in range(8):
        scene = furnished_room(seed).scene
        spheres = (scene.sphere_radius[0] > 0).nonzero().flatten().tolist()
        if spheres:
            break
    center = scene.sphere_center[:, spheres[0]]
    origin = center + torch.tensor([[0.0, 0.0, 1.0]])
    down = torch.tensor([[[0.0, 0.0, -1.0]]])
    hits = cast(scene, origin, down)
    surface = surface_at(scene, origin, down, hits)
    first = 6 * scene.box_center.shape[1] + scene.cylinder_center.shape[1]
    assert int(surface.number) == first + spheres[0]
    np.testing.assert_allclose(surface.normal[0, 0].numpy(), [0, 0, 1], atol=1e-5)
    radius = float(scene.sphere_radius[0, spheres[0]])
    assert float(surface.uv_m[0, 0, 1]) == pytest.approx(radius * math.pi / 2, rel=1e-2)
