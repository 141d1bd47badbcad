"""Point tracks: positions of one view's points in other views, and their visibility there."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
import torch
from torch import Tensor

from vggt_ros.synthetic.ray_cast import cast
from vggt_ros.synthetic.renderer import select_scenes
from vggt_ros.synthetic.scene import Scene

_OCCLUSION_RTOL = 2e-3  # a surface nearer by more than this hides the point


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointTracks:
    """N points in S views.

    Attributes:
        positions: (S, N, 2) pixels (u, v); meaningless where the point is behind the camera.
        is_visible: (S, N) in front of the camera, inside the image and not hidden.
    """

    positions: Float[Tensor, 'S N 2']
    is_visible: Bool[Tensor, 'S N']


def track_points(
    scene: Scene,
    K: Float[Tensor, 'S 3 3'],
    world_from_cam: Float[Tensor, 'S 4 4'],
    query_view: int,
    query_uv: Float[Tensor, 'N 2'],
    *,
    height: int,
    width: int,
) -> PointTracks:
    """Follow the surface points that one view shows at given pixels through all views.

    Exact: the points are where the query rays end, and hidden is what a ray to the point does
    not reach.

    Args:
        scene: A batch of one scene.
        K: (S, 3, 3) intrinsics.
        world_from_cam: (S, 4, 4) camera poses.
        query_view: Which view the pixels are of.
        query_uv: (N, 2) pixels (u, v), not necessarily whole.
        height: Rows of the images.
        width: Columns of the images.
    """
    num_views = len(K)
    ray = torch.cat([query_uv, torch.ones_like(query_uv[:, :1])], dim=1)
    ray = ray @ torch.linalg.inv(K[query_view]).T @ world_from_cam[query_view, :3, :3].T
    start = world_from_cam[query_view, :3, 3]
    distance = cast(scene, start[None], ray[None]).distance[0]
    point = start + distance[:, None] * ray

    origin = world_from_cam[:, :3, 3]
    to_point = point[None] - origin[:, None]
    in_cam = to_point @ world_from_cam[:, :3, :3]
    in_image = in_cam @ K.mT
    depth = in_cam[..., 2]
    positions = in_image[..., :2] / depth.clamp(min=1e-6)[..., None]
    every = torch.zeros(num_views, dtype=torch.int64, device=K.device)
    reached = cast(select_scenes(scene, every), origin, to_point).distance
    limit = torch.tensor([width - 0.5, height - 0.5], device=K.device)
    is_inside = ((positions >= -0.5) & (positions < limit)).all(-1)
    is_visible = (depth > 0) & is_inside & (reached > 1 - _OCCLUSION_RTOL)
    return PointTracks(positions=positions, is_visible=is_visible)


def random_queries(
    generator: torch.Generator, num_points: int, height: int, width: int
) -> Int[Tensor, 'N 2']:
    """Return random whole pixels (u, v) of an image."""
    u = torch.randint(width, (num_points,), generator=generator)
    v = torch.randint(height, (num_points,), generator=generator)
    return torch.stack([u, v], dim=1)
