"""Where rays meet a scene."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
import torch
from torch import Tensor

from vggt_ros.synthetic.scene import Scene

_NEAR = 1e-3
_TINY = 1e-9  # keeps divisions by a direction finite


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hits:
    """Where N x R rays end.

    Attributes:
        distance: (N, R) in multiples of the ray's direction; infinite if it meets nothing.
        shape: (N, R) number of the shape: boxes, then cylinders, then spheres.
    """

    distance: Float[Tensor, 'N R']
    shape: Int[Tensor, 'N R']


def cast(
    scene: Scene,
    origin: Float[Tensor, 'N 3'],
    direction: Float[Tensor, 'N R 3'],
) -> Hits:
    """Return the first surface each ray meets.

    Boxes by slabs (Kay and Kajiya, "Ray tracing complex scenes", SIGGRAPH 1986), spheres and
    cylinders by their quadratic equations.

    Args:
        scene: N scenes, one for every origin.
        origin: (N, 3) where the rays start, inside the room.
        direction: (N, R, 3), of any length.
    """
    nearest = torch.full_like(direction[..., 0], torch.inf)
    shape = torch.zeros_like(nearest, dtype=torch.int64)
    dx, dy, dz = direction.unbind(-1)
    number = 0
    for box in range(scene.box_center.shape[1]):
        near, far = _box_span(scene, box, origin, dx, dy, dz)
        distance = far if box == 0 else torch.where(near <= far, near, torch.inf)
        nearest, shape = _nearer(nearest, shape, distance, number)
        number += 1
    for cylinder in range(scene.cylinder_center.shape[1]):
        distance = _cylinder_distance(scene, cylinder, origin, dx, dy, dz)
        nearest, shape = _nearer(nearest, shape, distance, number)
        number += 1
    for sphere in range(scene.sphere_center.shape[1]):
        distance = _sphere_distance(scene, sphere, origin, dx, dy, dz)
        nearest, shape = _nearer(nearest, shape, distance, number)
        number += 1
    return Hits(distance=nearest, shape=shape)


def _nearer(
    nearest: Tensor, shape: Tensor, distance: Tensor, number: int
) -> tuple[Tensor, Tensor]:
    is_nearer = (distance > _NEAR) & (distance < nearest)
    return torch.where(is_nearer, distance, nearest), shape.masked_fill(is_nearer, number)


def _away_from_zero(direction: Tensor) -> Tensor:
    return torch.where(direction.abs() < _TINY, _TINY, direction)


def _box_span(
    scene: Scene, box: int, origin: Tensor, dx: Tensor, dy: Tensor, dz: Tensor
) -> tuple[Tensor, Tensor]:
    """Return where rays enter and leave a box."""
    cosine, sine = scene.box_turn[:, box, :1], scene.box_turn[:, box, 1:]
    half = scene.box_half[:, box]
    offset = origin - scene.box_center[:, box]
    ox = cosine * offset[:, :1] + sine * offset[:, 1:2]
    oy = cosine * offset[:, 1:2] - sine * offset[:, :1]
    local = (
        (ox, cosine * dx + sine * dy, half[:, :1]),
        (oy, cosine * dy - sine * dx, half[:, 1:2]),
        (offset[:, 2:], dz, half[:, 2:]),
    )
    near = torch.full_like(dx, -torch.inf)
    far = torch.full_like(dx, torch.inf)
    for o, d, h in local:
        inverse = _away_from_zero(d).reciprocal()
        middle = -o * inverse
        reach = h * inverse.abs()  # negative for an unused place: near > far
        near = torch.maximum(near, middle - reach)
        far = torch.minimum(far, middle + reach)
    return near, far


def _sphere_distance(
    scene: Scene, sphere: int, origin: Tensor, dx: Tensor, dy: Tensor, dz: Tensor
) -> Tensor:
    offset = origin - scene.sphere_center[:, sphere]
    ox, oy, oz = offset[:, :1], offset[:, 1:2], offset[:, 2:]
    radius = scene.sphere_radius[:, sphere, None]
    a = dx * dx + dy * dy + dz * dz
    half_b = ox * dx + oy * dy + oz * dz
    c = ox * ox + oy * oy + oz * oz - radius * radius
    discriminant = half_b * half_b - a * c
    distance = (-half_b - discriminant.clamp(min=0).sqrt()) / a
    return torch.where((discriminant > 0) & (radius > 0), distance, torch.inf)


def _cylinder_distance(
    scene: Scene, cylinder: int, origin: Tensor, dx: Tensor, dy: Tensor, dz: Tensor
) -> Tensor:
    """Return where rays enter an upright cylinder: the overlap of a tube and a slab."""
    offset = origin - scene.cylinder_center[:, cylinder]
    ox, oy, oz = offset[:, :1], offset[:, 1:2], offset[:, 2:]
    radius, half = (scene.cylinder_size[:, cylinder, k, None] for k in (0, 1))
    a = (dx * dx + dy * dy).clamp(min=_TINY)
    half_b = ox * dx + oy * dy
    discriminant = half_b * half_b - a * (ox * ox + oy * oy - radius * radius)
    root = discriminant.clamp(min=0).sqrt()
    inverse = _away_from_zero(dz).reciprocal()
    middle, reach = -oz * inverse, half * inverse.abs()
    near = torch.maximum((-half_b - root) / a, middle - reach)
    far = torch.minimum((-half_b + root) / a, middle + reach)
    return torch.where((discriminant > 0) & (radius > 0) & (near <= far), near, torch.inf)
