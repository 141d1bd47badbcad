"""Surfaces of a scene at the points that rays meet."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
import torch
from torch import Tensor

from vggt_ros.synthetic.ray_cast import Hits
from vggt_ros.synthetic.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """The surfaces at N x R points.

    Attributes:
        point: (N, R, 3) in the world.
        normal: (N, R, 3) unit, towards the ray's origin.
        number: (N, R) number of the surface, see Scene.
        uv_m: (N, R, 2) position on the surface in meters.
    """

    point: Float[Tensor, 'N R 3']
    normal: Float[Tensor, 'N R 3']
    number: Int[Tensor, 'N R']
    uv_m: Float[Tensor, 'N R 2']


def surface_at(
    scene: Scene,
    origin: Float[Tensor, 'N 3'],
    direction: Float[Tensor, 'N R 3'],
    hits: Hits,
) -> Surface:
    """Return the surfaces at the ends of rays that met something."""
    point = origin[:, None] + hits.distance[..., None] * direction
    num_boxes, num_cylinders = scene.box_center.shape[1], scene.cylinder_center.shape[1]
    normal = torch.empty_like(point)
    uv_m = torch.empty_like(point[..., :2])
    number = torch.empty_like(hits.shape)

    view, ray = (hits.shape < num_boxes).nonzero(as_tuple=True)
    box = hits.shape[view, ray]
    normal[view, ray], uv_m[view, ray], face = _on_box(scene, view, box, point[view, ray])
    number[view, ray] = 6 * box + face

    is_round = hits.shape >= num_boxes
    if bool(is_round.any()):
        view, ray = (is_round & (hits.shape < num_boxes + num_cylinders)).nonzero(as_tuple=True)
        cylinder = hits.shape[view, ray] - num_boxes
        normal[view, ray], uv_m[view, ray] = _on_cylinder(scene, view, cylinder, point[view, ray])
        number[view, ray] = 6 * num_boxes + cylinder
        view, ray = (hits.shape >= num_boxes + num_cylinders).nonzero(as_tuple=True)
        sphere = hits.shape[view, ray] - num_boxes - num_cylinders
        normal[view, ray], uv_m[view, ray] = _on_sphere(scene, view, sphere, point[view, ray])
        number[view, ray] = 6 * num_boxes + num_cylinders + sphere
    return Surface(point=point, normal=normal, number=number, uv_m=uv_m)


def _on_box(
    scene: Scene, view: Tensor, box: Tensor, point: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return normal, position on the face and face number of points on boxes."""
    center, half, turn = (t[view, box] for t in (scene.box_center, scene.box_half, scene.box_turn))
    cosine, sine = turn.unbind(-1)
    x, y, z = (point - center).unbind(-1)
    local = torch.stack([cosine * x + sine * y, cosine * y - sine * x, z], dim=-1)
    ratio = local / half
    axis = ratio.abs().argmax(dim=-1, keepdim=True)
    sign = ratio.gather(-1, axis).sign()
    face = (2 * axis + (sign > 0)).squeeze(-1)
    outward = torch.zeros_like(local).scatter_(
        -1, axis, torch.where((box == 0)[:, None], -sign, sign)
    )
    nx, ny, nz = outward.unbind(-1)
    normal = torch.stack([cosine * nx - sine * ny, sine * nx + cosine * ny, nz], dim=-1)
    axis = axis.squeeze(-1)
    lx, ly, lz = local.unbind(-1)
    # Faces across x and y show (along the face, height); the others (x, y).
    u = torch.where(axis == 0, ly, lx)
    v = torch.where(axis == 2, ly, lz)
    return normal, torch.stack([u, v], dim=-1), face


def _on_cylinder(
    scene: Scene, view: Tensor, cylinder: Tensor, point: Tensor
) -> tuple[Tensor, Tensor]:
    center, size = scene.cylinder_center[view, cylinder], scene.cylinder_size[view, cylinder]
    radius, half = size.unbind(-1)
    x, y, z = (point - center).unbind(-1)
    is_cap = z.abs() > half * (1 - 1e-4)
    zero = torch.zeros_like(x)
    side = torch.stack([x / radius, y / radius, zero], dim=-1)
    cap = torch.stack([zero, zero, z.sign()], dim=-1)
    uv_side = torch.stack([torch.atan2(y, x) * radius, z], dim=-1)
    uv_cap = torch.stack([x, y], dim=-1)
    is_cap = is_cap[:, None]
    return torch.where(is_cap, cap, side), torch.where(is_cap, uv_cap, uv_side)


def _on_sphere(scene: Scene, view: Tensor, sphere: Tensor, point: Tensor) -> tuple[Tensor, Tensor]:
    radius = scene.sphere_radius[view, sphere, None]
    normal = (point - scene.sphere_center[view, sphere]) / radius
    x, y, z = normal.unbind(-1)
    uv = torch.stack([torch.atan2(y, x), torch.asin(z.clamp(-1, 1))], dim=-1)
    return normal, uv * radius
