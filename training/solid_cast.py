"""Ray casting of solids: all with all for a few rays, tile by tile for whole pictures."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
import torch
from torch import Tensor

from training.solids import BOX, ROUND, Solids, UNUSED

TILE = 14  # pixels; pictures are whole patches
_NEAR = 1e-3
_TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SolidHits:
    """Where rays end.

    Attributes:
        distance: (N, R) in multiples of the ray's direction; infinite if it meets nothing.
        solid: (N, R) which solid of the place.
    """

    distance: Float[Tensor, 'N R']
    solid: Int[Tensor, 'N R']


def cast_all(
    places: Solids, origin: Float[Tensor, 'B M 3'], direction: Float[Tensor, 'B M R 3']
) -> Float[Tensor, 'B M R']:
    """Return the distance of the first solid that each ray meets, in multiples of its direction.

    For few rays: every ray is held against every solid of its place.
    """
    to_unit = places.unit_from_world[:, None]
    start = (to_unit @ (origin[:, :, None] - places.center[:, None])[..., None])[..., 0]
    ray = torch.einsum('bpij,bmrj->bmrpi', places.unit_from_world, direction)
    near, far = _interval(
        start[:, :, None].expand_as(ray),
        ray,
        places.quadric[:, None, None],
        (places.kind == BOX)[:, None, None],
    )
    is_hit = (near <= far) & (near > _NEAR) & (places.kind != UNUSED)[:, None, None]
    return torch.where(is_hit, near, torch.inf).amin(dim=-1)


def cast_pictures(
    places: Solids,
    place_of_view: Int[Tensor, ' N'],
    origin: Float[Tensor, 'N 3'],
    rotation: Float[Tensor, 'N 3 3'],
    rays: Float[Tensor, 'N H W 3'],
) -> SolidHits:
    """Return the first solid that the rays of pictures meet, R = H W.

    Only solids whose bounding boxes reach into a tile are held against the rays of that tile.

    Args:
        places: B places.
        place_of_view: Which place each picture is of.
        origin: Of the cameras.
        rotation: world_from_cam of the cameras.
        rays: In the camera, z = 1; H and W are multiples of `TILE`.
    """
    N, H, W, _ = rays.shape
    rows, columns = H // TILE, W // TILE
    tiles = rays.view(N, rows, TILE, columns, TILE, 3).permute(0, 1, 3, 5, 2, 4)
    tiles = tiles.reshape(N * rows * columns, 3, TILE * TILE)
    view, solid, tile = _overlaps(places, place_of_view, origin, rotation, tiles, N)
    place = place_of_view[view]
    to_unit = places.unit_from_world[place, solid]
    start = (to_unit @ (origin[view] - places.center[place, solid])[..., None])[..., 0]
    to_unit = to_unit @ rotation[view]
    nearest = torch.full((len(tiles), TILE * TILE), torch.inf, device=rays.device)
    winner = torch.zeros_like(nearest, dtype=torch.int64)
    kind = places.kind[place, solid]
    for which in (BOX, ROUND):
        for pairs in _rounds(torch.where(kind == which)[0], tile):
            at = tile[pairs]
            ray = to_unit[pairs] @ tiles[at]
            if which == BOX:
                near, far = _box(start[pairs, :, None], ray, 1)
            else:
                quadric = places.quadric[place[pairs], solid[pairs]]
                near, far = _round(start[pairs, :, None], ray, quadric[..., None], 1)
            old = nearest[at]
            is_nearer = (near <= far) & (near > _NEAR) & (near < old)
            nearest[at] = torch.where(is_nearer, near, old)
            winner[at] = torch.where(is_nearer, solid[pairs, None], winner[at])

    def as_picture(values: Tensor) -> Tensor:
        grid = values.view(N, rows, columns, TILE, TILE).permute(0, 1, 3, 2, 4)
        return grid.reshape(N, H * W)

    return SolidHits(distance=as_picture(nearest), solid=as_picture(winner))


def _overlaps(
    places: Solids,
    place_of_view: Tensor,
    origin: Tensor,
    rotation: Tensor,
    tiles: Tensor,
    num_views: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return view, solid and tile of all pairs that may meet, by the solids' bounding boxes."""
    device = origin.device
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], device=device)] * 3)
    world_from_unit = torch.linalg.inv(places.unit_from_world)
    at = places.center[:, :, None] + corners @ world_from_unit.mT
    seen = (at[place_of_view] - origin[:, None, None]) @ rotation[:, None]
    z = seen[..., 2]
    is_behind = (z < _NEAR).all(-1) | (places.kind[place_of_view] == UNUSED)
    is_around = (z < 0.02).any(-1)
    xy = seen[..., :2] / z.clamp(min=0.02)[..., None]
    low = torch.where(is_around[..., None], -torch.inf, xy.amin(dim=2))
    high = torch.where(is_around[..., None], torch.inf, xy.amax(dim=2))
    bounds = tiles.view(num_views, -1, 3, TILE * TILE)[:, :, :2]
    tile_low, tile_high = bounds.amin(-1)[:, None], bounds.amax(-1)[:, None]
    margin = 0.1 * (tile_high - tile_low)
    meets = (low[:, :, None] <= tile_high + margin) & (high[:, :, None] >= tile_low - margin)
    is_pair = meets.all(-1) & ~is_behind[..., None]
    view, solid, tile = is_pair.nonzero(as_tuple=True)
    return view, solid, view * bounds.shape[1] + tile


def _rounds(pairs: Tensor, tile: Tensor) -> list[Tensor]:
    """Split pairs so that no tile occurs twice in a round."""
    order = pairs[torch.argsort(tile[pairs], stable=True)]
    sorted_tile = tile[order]
    _, counts = torch.unique_consecutive(sorted_tile, return_counts=True)
    first = torch.repeat_interleave(counts.cumsum(0) - counts, counts)
    rank = torch.arange(len(order), device=tile.device) - first
    by_rank = torch.argsort(rank, stable=True)
    sizes = torch.bincount(rank).tolist()
    return list(torch.split(order[by_rank], sizes))


def _interval(
    start: Tensor, ray: Tensor, quadric: Tensor, is_box: Tensor
) -> tuple[Tensor, Tensor]:
    """Return where rays enter and leave solids, in the solids' own axes, the last ones."""
    box_near, box_far = _box(start, ray, -1)
    round_near, round_far = _round(start, ray, quadric.movedim(-1, 0).unsqueeze(-1), -1)
    return torch.where(is_box, box_near, round_near), torch.where(is_box, box_far, round_far)


def _box(start: Tensor, ray: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    inverse = 1.0 / torch.where(ray.abs() < _TINY, _TINY, ray)
    middle, reach = -start * inverse, inverse.abs()
    return (middle - reach).amax(dim), (middle + reach).amin(dim)


def _round(start: Tensor, ray: Tensor, quadric: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Intersect x^2 + y^2 <= (a + b z)^2 - c z^2 with |z| <= 1.

    Where a ray is steeper than a cone, the quadric holds outside of its roots; only one of the two
    sides is within |z| <= 1.
    """
    ox, oy, oz = start.unbind(dim)
    dx, dy, dz = ray.unbind(dim)
    if dim == 1:
        a, b, c = quadric.unbind(1)
    else:
        a, b, c = (q[..., 0] for q in quadric)
    dz = torch.where(dz.abs() < _TINY, _TINY, dz)
    inverse = 1.0 / dz
    near_z, far_z = -oz * inverse - inverse.abs(), inverse.abs() - oz * inverse
    width, slope = a + b * oz, b * dz
    square = dx * dx + dy * dy - slope * slope + c * dz * dz
    half = ox * dx + oy * dy - width * slope + c * oz * dz
    rest = ox * ox + oy * oy - width * width + c * oz * oz
    square = torch.where(square.abs() < _TINY, _TINY, square)
    discriminant = half * half - square * rest
    root = discriminant.clamp(min=0.0).sqrt() / square.abs()
    middle = -half / square
    low, high = middle - root, middle + root
    is_steep = square < 0
    is_before = is_steep & (near_z <= low)
    near = torch.where(is_steep, torch.where(is_before, near_z, high), low)
    far = torch.where(is_steep, torch.where(is_before, low, far_z), high)
    near, far = torch.maximum(near, near_z), torch.minimum(far, far_z)
    is_missed = (discriminant < 0) & ~is_steep
    return torch.where(is_missed, torch.inf, near), torch.where(is_missed, -torch.inf, far)
