"""Pictures and exact depth of solids: textures, shadows of a lamp, highlights, colored lights."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
import torch
from torch import Tensor
from torch.nn import functional

from training.solid_cast import cast_pictures, SolidHits, TILE
from training.solids import BOX, Solids
from vggt_ros.synthetic.renderer import pixel_directions, Rendering
from vggt_ros.synthetic.texture_atlas import TextureAtlas

_MIN_COSINE = 0.05
_SHINE = (
    24.0  # exponent of highlights: Phong, "Illumination for computer generated pictures", 1975
)
_EXPOSURE = 0.4, 5.0  # what an automatic exposure can do
_SHADOW_SIZE = 12 * TILE, 12 * TILE
_SHADOW_HALF_FOV = 1.6  # tangent
_BIAS = 0.02  # of the distance: how much nearer something must be to cast a shadow


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Points:
    """What N x R rays met.

    Attributes:
        point: In the world.
        normal: Unit, towards the camera.
        uv_m: On the surface, meters.
        place: (N, 1) which place.
        solid: (N, R) which solid of it.
    """

    point: Float[Tensor, 'N R 3']
    normal: Float[Tensor, 'N R 3']
    uv_m: Float[Tensor, 'N R 2']
    place: Int[Tensor, 'N 1']
    solid: Int[Tensor, 'N R']


def render_solids(
    places: Solids,
    place_of_view: Int[Tensor, ' N'],
    K: Float[Tensor, 'N 3 3'],
    world_from_cam: Float[Tensor, 'N 4 4'],
    *,
    height: int,
    width: int,
    atlas: TextureAtlas,
    samples: int = 1,
    radial: Float[Tensor, ' N'] | None = None,
    brightness: Float[Tensor, ' B'] | None = None,
) -> Rendering:
    """Render N views of places that enclose their cameras.

    Args:
        places: B places.
        place_of_view: Which place each view is of.
        K: Intrinsics, pixels, float32.
        world_from_cam: Camera poses, OpenCV axes, float32.
        height: Rows, whole patches.
        width: Columns, whole patches.
        atlas: What the places' textures are numbers of.
        samples: Rays per pixel along each axis; depth is that of one ray, near the middle.
        radial: What is left of a lens's distortion after it was corrected, none if None: rays are
            longer across the axis by 1 + radial r^2, r being the tangent of the angle off it.
        brightness: Mean that the views of each place are exposed to, 0..1; as lit if None.
    """
    origin, rotation = world_from_cam[:, :3, 3], world_from_cam[:, :3, :3]
    rays = pixel_directions(K, height, width, samples)
    rays = rays.view(len(K), height * samples, width * samples, 3)
    if radial is not None:
        square = rays[..., :2].square().sum(-1, keepdim=True)
        bent = rays[..., :2] * (1.0 + radial[:, None, None, None] * square)
        rays = torch.cat([bent, rays[..., 2:]], dim=-1)
    hits = cast_pictures(places, place_of_view, origin, rotation, rays)
    direction = rays.flatten(1, 2) @ rotation.mT
    points = _points_at(places, place_of_view, origin, direction, hits)
    pixel_m = hits.distance / (K[:, 0, 0, None] * samples)
    rgb = _shade(places, atlas, origin, points, pixel_m)
    if brightness is not None:
        rgb = rgb * _exposure(rgb, place_of_view, brightness)[:, None, None]
    size = (-1, height, samples, width, samples)
    depth = hits.distance.view(size)[:, :, samples // 2, :, samples // 2]
    rgb = rgb.view(*size, 3).mean(dim=(2, 4))
    return Rendering(
        rgb=(255.0 * rgb.clamp(0, 1)).round().to(torch.uint8), depth=depth.contiguous()
    )


def _points_at(
    places: Solids,
    place_of_view: Int[Tensor, ' N'],
    origin: Float[Tensor, 'N 3'],
    direction: Float[Tensor, 'N R 3'],
    hits: SolidHits,
) -> _Points:
    point = origin[:, None] + hits.distance[..., None] * direction
    place = place_of_view[:, None]
    which = place, hits.solid
    to_unit = places.unit_from_world[which]
    at = (to_unit @ (point - places.center[which])[..., None])[..., 0]
    meters = at * places.half_m[which]
    is_box = (places.kind[which] == BOX)[..., None]
    a, b, c = places.quadric[which].unbind(-1)
    x, y, z = at.unbind(-1)
    # The gradient of the quadric on the sides; caps, and faces of boxes, along the largest axis.
    side = torch.stack([x, y, c * z - (a + b * z) * b], dim=-1)
    largest = functional.one_hot(at.abs().argmax(-1), 3) * at.sign()
    is_cap = ((z.abs() > 1 - 1e-4) & (c == 0))[..., None]
    upright = torch.zeros_like(at)
    upright[..., 2] = z.sign()
    in_unit = torch.where(is_box, largest, torch.where(is_cap, upright, side))
    normal = functional.normalize((in_unit[..., None, :] @ to_unit)[..., 0, :], dim=-1)
    normal = normal * -(normal * direction).sum(-1, keepdim=True).sign()
    mx, my, mz = meters.unbind(-1)
    around = torch.atan2(y, x) * places.half_m[which][..., 0]
    axis = largest.abs().argmax(-1)
    u = torch.where(is_box[..., 0], torch.where(axis == 0, my, mx), around)
    v = torch.where(is_box[..., 0] & (axis == 2), my, mz)
    flat = (is_cap & ~is_box)[..., 0]
    uv_m = torch.stack([torch.where(flat, mx, u), torch.where(flat, my, v)], dim=-1)
    return _Points(point=point, normal=normal, uv_m=uv_m, place=place, solid=hits.solid)


def _shade(
    places: Solids,
    atlas: TextureAtlas,
    origin: Float[Tensor, 'N 3'],
    points: _Points,
    pixel_m: Float[Tensor, 'N R'],
) -> Float[Tensor, 'N R 3']:
    which = points.place, points.solid
    view = points.place[:, 0]
    to_eye = functional.normalize(origin[:, None] - points.point, dim=-1)
    cosine = (to_eye * points.normal).sum(-1).abs().clamp(min=_MIN_COSINE)
    tile_m = places.tile_m[which]
    uv = points.uv_m / tile_m[..., None] + places.offset[which]
    covered = pixel_m / cosine.sqrt() / tile_m * atlas.size
    color = atlas.sample(places.texture[which].flatten(), uv.flatten(0, 1), covered.flatten())
    color = color.view_as(points.point) * places.tint[which]

    to_lamp = places.lamp[view, None] - points.point
    distance = to_lamp.norm(dim=-1, keepdim=True)
    to_lamp = to_lamp / distance.clamp(min=1e-6)
    facing = (to_lamp * points.normal).sum(-1, keepdim=True).clamp(min=0)
    fading = 1.0 / (1.0 + (distance / places.lamp_reach_m[view, None, None]) ** 2)
    lamp = fading * _lit(places, points)[..., None] * places.lamp_color[view, None]
    fill = (places.fill[view, None] * points.normal).sum(-1, keepdim=True)
    light = lamp * facing + places.ambient[view, None]
    light = light + (0.5 + 0.5 * fill) * places.fill_color[view, None]
    half = functional.normalize(to_lamp + to_eye, dim=-1)
    shine = (half * points.normal).sum(-1, keepdim=True).clamp(min=0) ** _SHINE
    glow = places.glow[which][..., None]
    color = color * (light * (1.0 - glow) + 1.3 * glow)
    return color + places.gloss[which][..., None] * shine * lamp


def _exposure(
    rgb: Float[Tensor, 'N R 3'], place_of_view: Int[Tensor, ' N'], brightness: Float[Tensor, ' B']
) -> Float[Tensor, ' N']:
    """Return the factor that brings the mean of each place's views to a brightness."""
    mean = torch.zeros_like(brightness).index_add_(0, place_of_view, rgb.mean(dim=(1, 2)))
    mean = mean / torch.bincount(place_of_view, minlength=len(brightness)).clamp(min=1)
    return (brightness / mean.clamp(min=1e-3)).clamp(*_EXPOSURE)[place_of_view]


def _lit(places: Solids, points: _Points) -> Float[Tensor, 'N R']:
    """Return how much of the lamp reaches points, 0..1.

    Williams, "Casting curved shadows on curved surfaces", SIGGRAPH 1978, with the mean of four
    comparisons of Reeves et al., "Rendering antialiased shadows with depth maps", SIGGRAPH 1987.
    """
    B = len(places.kind)
    view = points.place[:, 0]
    used = torch.arange(B, device=view.device)
    flat = points.point.flatten(1, 2)
    total = torch.zeros(B, flat.shape[1], device=flat.device).index_add_(0, view, flat)
    count = torch.bincount(view, minlength=B).clamp(min=1)
    target = (total / count[:, None]).view(B, -1, 3).mean(dim=1)
    rotation = _looking(target - places.lamp)
    height, width = _SHADOW_SIZE
    focal = 0.5 * width / _SHADOW_HALF_FOV
    K = torch.tensor(
        [[focal, 0, 0.5 * (width - 1)], [0, focal, 0.5 * (height - 1)], [0, 0, 1.0]],
        device=flat.device,
    ).expand(B, 3, 3)
    rays = pixel_directions(K, height, width).view(B, height, width, 3)
    nearest = cast_pictures(places, used, places.lamp, rotation, rays).distance
    at = (points.point - places.lamp[view, None]) @ rotation[view]
    z = at[..., 2].clamp(min=1e-3)
    u = focal * at[..., 0] / z + 0.5 * (width - 1)
    v = focal * at[..., 1] / z + 0.5 * (height - 1)
    is_inside = (at[..., 2] > 0.01) & (u > 0) & (u < width - 1) & (v > 0) & (v < height - 1)
    column, row = u.clamp(0, width - 2), v.clamp(0, height - 2)
    left, top = column.floor().long(), row.floor().long()
    fu, fv = column - left, row - top
    lit = torch.zeros_like(u)
    for down in (0, 1):
        for right in (0, 1):
            there = nearest[view[:, None], (top + down) * width + left + right]
            weight = (fu if right else 1 - fu) * (fv if down else 1 - fv)
            lit += weight * (z < there * (1 + _BIAS) + _BIAS)
    return torch.where(is_inside, lit, 1.0)


def _looking(direction: Float[Tensor, 'B 3']) -> Float[Tensor, 'B 3 3']:
    """Return world_from_cam rotations that look along directions, turned in any way about them."""
    forward = functional.normalize(direction + 1e-6, dim=-1)
    helper = functional.one_hot(forward.abs().argmin(-1), 3).to(forward.dtype)
    right = functional.normalize(torch.linalg.cross(helper, forward), dim=-1)
    return torch.stack([right, torch.linalg.cross(forward, right), forward], dim=-1)
