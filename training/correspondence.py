"""Correspondence: positions of one frame's pixels in the other frames of a window."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
import torch
from torch import Tensor

from training.window_batch import rigid_inverse, WindowBatch

_NEAR = 1e-3
# A surface nearer than this share of the point's depth hides it. Depth is read at the nearest
# pixel, on slanted surfaces that alone makes a few percent.
_OCCLUSION_RTOL = 0.06


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Correspondence:
    """N pixels of each frame s, seen from each frame t of the same window.

    Attributes:
        uv: (B, S, T, N, 2) pixels (u, v) in frame t; meaningless behind the camera.
        is_visible: (B, S, T, N) in front of the camera, inside the image, not hidden.
    """

    uv: Float[Tensor, 'B S T N 2']
    is_visible: Bool[Tensor, 'B S T N']


def correspondence(window: WindowBatch, pixels: Int[Tensor, 'N 2']) -> Correspondence:
    """Follow the same pixels (u, v) of every frame into every frame.

    Args:
        window: B windows of S frames.
        pixels: (N, 2) whole pixels.
    """
    u, v = pixels.unbind(-1)
    depth = window.depth[:, :, v, u]
    return project_into(window, lift(window, pixels, depth))


def track_truth(
    window: WindowBatch, queries: Int[Tensor, 'B N 2']
) -> tuple[Float[Tensor, 'B S N 2'], Bool[Tensor, 'B S N']]:
    """Follow pixels of the first frame through all frames.

    Args:
        window: B windows of S frames.
        queries: (B, N, 2) whole pixels (u, v) of each window's first frame.

    Returns:
        Positions in pixels (u, v), and whether they can be seen.
    """
    scene = torch.arange(len(queries), device=queries.device)[:, None]
    depth = window.depth[scene, 0, queries[..., 1], queries[..., 0]]
    ray = torch.cat([queries, torch.ones_like(queries[..., :1])], dim=-1).to(depth.dtype)
    points = (ray @ torch.linalg.inv(window.K).mT) * depth[..., None]  # the world is this camera
    seen = project_into(window, points[:, None])
    return seen.uv[:, 0], seen.is_visible[:, 0]


def lift(
    window: WindowBatch, pixels: Int[Tensor, 'N 2'], depth: Float[Tensor, 'B S N']
) -> Float[Tensor, 'B S N 3']:
    """Return where pixels of given depth are in the world."""
    ray = torch.cat([pixels, torch.ones_like(pixels[:, :1])], dim=-1).to(depth.dtype)
    in_cam = (ray @ torch.linalg.inv(window.K).mT)[:, None] * depth[..., None]
    world_from_cam = rigid_inverse(window.cam_from_world)
    return in_cam @ world_from_cam[..., :3, :3].mT + world_from_cam[..., None, :3, 3]


def project_into(window: WindowBatch, points: Float[Tensor, 'B S N 3']) -> Correspondence:
    """Return where points of the world are in every frame of their window."""
    rotation = window.cam_from_world[:, None, :, :3, :3]
    translation = window.cam_from_world[:, None, :, None, :3, 3]
    in_cam = points[:, :, None] @ rotation.mT + translation
    depth = in_cam[..., 2]
    in_image = in_cam @ window.K[:, None, None].mT
    uv = in_image[..., :2] / depth.clamp(min=_NEAR)[..., None]

    height, width = window.image_size
    limit = torch.tensor([width - 0.5, height - 0.5], device=uv.device)
    is_inside = ((uv >= -0.5) & (uv < limit)).all(-1) & (depth > _NEAR)
    column = uv[..., 0].round().clamp(0, width - 1).long()
    row = uv[..., 1].round().clamp(0, height - 1).long()
    B, S, T, N = depth.shape
    index = (row * width + column).transpose(1, 2).reshape(B, T, S * N)
    surface = window.depth.flatten(2).gather(2, index).view(B, T, S, N).transpose(1, 2)
    is_visible = is_inside & (depth < surface * (1 + _OCCLUSION_RTOL))
    return Correspondence(uv=uv, is_visible=is_visible)


def patch_centers(
    grid: tuple[int, int], patch_size: int, device: torch.device
) -> Int[Tensor, 'hw 2']:
    """Return the pixel (u, v) in the middle of each patch, row by row."""
    rows, columns = torch.meshgrid(
        torch.arange(grid[0], device=device), torch.arange(grid[1], device=device), indexing='ij'
    )
    return torch.stack([columns, rows], dim=-1).reshape(-1, 2) * patch_size + patch_size // 2
