"""Depth and cameras to points in the world."""

from __future__ import annotations

from jaxtyping import Float, Float64
import torch
from torch import Tensor


def unproject_depth(
    depth: Float[Tensor, '*n H W'],
    cam_from_world: Float[Tensor, '*n 3 4'],
    K: Float[Tensor, '*n 3 3'],
) -> Float64[Tensor, '*n H W 3']:
    """Return the points of depth images in the world frame.

    The centre of the top-left pixel is (0, 0), as the network was trained.

    Args:
        depth: Along the optical axis.
        cam_from_world: Rigid, OpenCV axes.
        K: Intrinsics in pixels of the depth images, without skew.
    """
    height, width = depth.shape[-2:]
    depth, cam_from_world, K = depth.double(), cam_from_world.double(), K.double()
    u = torch.arange(width, dtype=torch.float64, device=depth.device)
    v = torch.arange(height, dtype=torch.float64, device=depth.device)[:, None]
    fx, fy, cx, cy = (K[..., i, j, None, None] for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    points_in_cam = torch.stack([(u - cx) / fx * depth, (v - cy) / fy * depth, depth], dim=-1)
    rotation, translation = cam_from_world[..., None, :, :3], cam_from_world[..., None, None, :, 3]
    # Row vectors times R give R^T x.
    return (points_in_cam - translation) @ rotation
