"""Ray casting: intersections of rays with a scene."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
import torch
from torch import Tensor

from vggt_ros.synthetic.scene import Scene

_NEAR = 1e-3
_TINY = 1e-12  # keeps divisions by a direction finite; lost in rounding elsewhere


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
    dx, dy, dz = (d.contiguous() for d in direction.unbind(-1))
    inverses = (_inverse(dx), _inverse(dy), _inverse(dz))
    # One transfer from the device for all boxes: straight and unused ones cost less.
    is_straight = (scene.box_turn[..., 1] == 0).all(dim=0).tolist()
    is_used = (scene.box_half[..., 0] > 0).any(dim=0).tolist()
    for box in range(len(is_used)):
        if is_used[box]:
            turned = None if is_straight[box] else (dx, dy)
            near, far = _box_span(scene, box, origin, inverses, turned)
            distance = far if box == 0 else torch.where(near <= far, near, torch.inf)
            nearest, shape = _nearer(nearest, shape, distance, box)
    number = len(is_used)
    for cylinder in range(scene.cylinder_center.shape[1]):
        distance = _cylinder_distance(scene, cylinder, origin, dx, dy, inverses[2])
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


def _inverse(direction: Tensor) -> Tensor:
    return (direction + _TINY).reciprocal()


def _box_span(
    scene: Scene,
    box: int,
    origin: Tensor,
    inverses: tuple[Tensor, Tensor, Tensor],
    turned: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor]:
    """Return where rays enter and leave a box.

    Args:
        scene: The scenes.
        box: Which box.
        origin: (N, 3) where the rays start.
        inverses: One over the direction along each world axis.
        turned: Directions along x and y, needed if the box is turned.
    """
    half = scene.box_half[:, box]
    offset = origin - scene.box_center[:, box]
    ox, oy, oz = offset[:, :1], offset[:, 1:2], offset[:, 2:]
    inverse_x, inverse_y, inverse_z = inverses
    if turned is not None:
        dx, dy = turned
        cosine, sine = scene.box_turn[:, box, :1], scene.box_turn[:, box, 1:]
        ox, oy = cosine * ox + sine * oy, cosine * oy - sine * ox
        inverse_x = _inverse(torch.addcmul(cosine * dx, sine, dy))
        inverse_y = _inverse(torch.addcmul(cosine * dy, sine, dx, value=-1))
    near_x, far_x = _slab(ox, inverse_x, half[:, :1])
    near_y, far_y = _slab(oy, inverse_y, half[:, 1:2])
    near_z, far_z = _slab(oz, inverse_z, half[:, 2:])
    near = torch.maximum(torch.maximum(near_x, near_y), near_z)
    far = torch.minimum(torch.minimum(far_x, far_y), far_z)
    return near, far


def _slab(offset: Tensor, inverse: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    """Return where rays enter and leave a slab; near > far for one of negative thickness."""
    reach = half * inverse.abs()
    middle = offset * inverse
    return -middle - reach, reach - middle


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
    scene: Scene, cylinder: int, origin: Tensor, dx: Tensor, dy: Tensor, inverse_z: Tensor
) -> Tensor:
    """Return where rays enter an upright cylinder: the overlap of a tube and a slab."""
    offset = origin - scene.cylinder_center[:, cylinder]
    ox, oy, oz = offset[:, :1], offset[:, 1:2], offset[:, 2:]
    radius, half = (scene.cylinder_size[:, cylinder, k, None] for k in (0, 1))
    a = (dx * dx + dy * dy).clamp(min=_TINY)
    half_b = ox * dx + oy * dy
    discriminant = half_b * half_b - a * (ox * ox + oy * oy - radius * radius)
    root = discriminant.clamp(min=0).sqrt()
    near_z, far_z = _slab(oz, inverse_z, half)
    near = torch.maximum((-half_b - root) / a, near_z)
    far = torch.minimum((-half_b + root) / a, far_z)
    return torch.where((discriminant > 0) & (radius > 0) & (near <= far), near, torch.inf)
