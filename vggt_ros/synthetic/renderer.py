"""Pictures and exact depth of scenes."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32, Int, UInt8
import torch
from torch import Tensor

from vggt_ros.synthetic.ray_cast import cast
from vggt_ros.synthetic.scene import Scene
from vggt_ros.synthetic.surface import Surface, surface_at
from vggt_ros.synthetic.texture_atlas import standard_atlas, TextureAtlas

_MIN_COSINE = 0.05
_LAMP_REACH_M = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendering:
    """N rendered views.

    Attributes:
        rgb: (N, H, W, 3).
        depth: (N, H, W) along the optical axis at pixel centers, meters.
    """

    rgb: UInt8[Tensor, 'N H W 3']
    depth: Float32[Tensor, 'N H W']


def pixel_directions(
    K: Float[Tensor, 'N 3 3'], height: int, width: int, samples: int = 1
) -> Float[Tensor, 'N R 3']:
    """Return ray directions in the camera with z = 1, so that distances are depths.

    Args:
        K: (N, 3, 3) intrinsics; pixel centers are at integers.
        height: Rows of the image.
        width: Columns of the image.
        samples: Rays per pixel along each axis, evenly spread over it.
    """
    step = torch.arange(samples, device=K.device, dtype=K.dtype)
    inside = (step + 0.5) / samples - 0.5
    u = (torch.arange(width, device=K.device, dtype=K.dtype)[:, None] + inside).flatten()
    v = (torch.arange(height, device=K.device, dtype=K.dtype)[:, None] + inside).flatten()
    x = (u[None] - K[:, 0, 2, None]) / K[:, 0, 0, None]
    y = (v[None] - K[:, 1, 2, None]) / K[:, 1, 1, None]
    x = x[:, None, :].expand(-1, len(v), -1)
    y = y[:, :, None].expand(-1, -1, len(u))
    return torch.stack([x, y, torch.ones_like(x)], dim=-1).flatten(1, 2)


def render(
    scene: Scene,
    scene_of_view: Int[Tensor, ' N'],
    K: Float[Tensor, 'N 3 3'],
    world_from_cam: Float[Tensor, 'N 4 4'],
    *,
    height: int,
    width: int,
    samples: int = 1,
    atlas: TextureAtlas | None = None,
) -> Rendering:
    """Render N views of scenes, all at once, on the device of the tensors.

    Args:
        scene: B scenes.
        scene_of_view: (N,) which scene each view is of.
        K: (N, 3, 3) intrinsics in pixels, float32.
        world_from_cam: (N, 4, 4) camera poses, OpenCV axes, float32.
        height: Rows.
        width: Columns.
        samples: Rays per pixel along each axis: more than one smooths the outlines of shapes.
            Depth is always that of the pixel's center.
        atlas: What the scenes' pictures are numbers of; None: the standard pictures.
    """
    if atlas is None:
        atlas = standard_atlas(str(K.device))
    views = select_scenes(scene, scene_of_view)
    origin = world_from_cam[:, :3, 3]
    rotation = world_from_cam[:, :3, :3]
    direction = pixel_directions(K, height, width, samples) @ rotation.mT
    hits = cast(views, origin, direction)
    surface = surface_at(views, origin, direction, hits)
    pixel_m = hits.distance / (K[:, 0, 0, None] * samples)
    rgb = _shade(views, atlas, origin, surface, pixel_m)
    rgb = rgb.reshape(-1, height, samples, width, samples, 3).mean(dim=(2, 4))
    depth = hits.distance
    if samples > 1:
        depth = cast(views, origin, pixel_directions(K, height, width) @ rotation.mT).distance
    return Rendering(
        rgb=(255.0 * rgb.clamp(0, 1)).round().to(torch.uint8),
        depth=depth.reshape(-1, height, width),
    )


def select_scenes(scene: Scene, scene_of_view: Int[Tensor, ' N']) -> Scene:
    """Return one scene for every view."""
    return Scene(
        **{name: getattr(scene, name)[scene_of_view] for name in Scene.__dataclass_fields__}
    )


def _shade(
    scene: Scene, atlas: TextureAtlas, origin: Tensor, surface: Surface, pixel_m: Tensor
) -> Float[Tensor, 'N R 3']:
    """Return colors in 0..1: texture times light of a lamp that fades with distance."""
    view = torch.arange(len(origin), device=origin.device)[:, None].expand_as(surface.number)
    tile_m = scene.tile_m[view, surface.number]
    to_eye = torch.nn.functional.normalize(origin[:, None] - surface.point, dim=-1)
    cosine = (to_eye * surface.normal).sum(-1).abs().clamp(min=_MIN_COSINE)
    # A pixel covers pixel_m across and pixel_m / cosine along the slope: use their mean.
    covered = pixel_m / cosine.sqrt() / tile_m * atlas.size
    color = atlas.sample(
        scene.texture[view, surface.number].flatten(),
        (surface.uv_m / tile_m[..., None]).flatten(0, 1),
        covered.flatten(),
    ).view_as(surface.point)
    to_lamp = scene.light[:, None] - surface.point
    distance = to_lamp.norm(dim=-1)
    facing = ((to_lamp * surface.normal).sum(-1) / distance.clamp(min=1e-6)).clamp(min=0)
    fading = 1.0 / (1.0 + (distance / _LAMP_REACH_M) ** 2)
    ambient = scene.ambient[:, None]
    light = ambient + (1.4 - ambient) * facing * fading
    return color * scene.tint[view, surface.number] * light[..., None]
