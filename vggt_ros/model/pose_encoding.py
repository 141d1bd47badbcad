"""Pose encoding to and from cam_from_world and K.

The nine numbers are translation (3), quaternion (x, y, z, w) of any length and sign, and field of
view (vertical, horizontal) in radians; the principal point is always the image center.
"""

from __future__ import annotations

import math

from jaxtyping import Float
import torch
from torch import Tensor
from torch.nn import functional

# An unlucky prediction has a field of view of zero (or a half turn): no focal length at all.
# The guard is far outside of what lenses have, and keeps K finite and positive.
MIN_FIELD_OF_VIEW_RAD = 1e-3
MAX_FIELD_OF_VIEW_RAD = math.pi - 1e-3
_MIN_PIVOT = 0.1


def activate_pose_encoding(raw: Float[Tensor, '*n 9']) -> Float[Tensor, '*n 9']:
    """Make the fields of view non-negative; translation and quaternion stay as they are."""
    return torch.cat([raw[..., :7], functional.relu(raw[..., 7:])], dim=-1)


def decode_pose_encoding(
    pose_enc: Float[Tensor, '*n 9'], image_size: tuple[int, int]
) -> tuple[Float[Tensor, '*n 3 4'], Float[Tensor, '*n 3 3']]:
    """Return cam_from_world and K.

    Args:
        pose_enc: Activated pose encodings.
        image_size: Height and width of the images the network saw, pixels.

    Returns:
        cam_from_world, OpenCV axes, and K in pixels of those images. Fields of view are limited
        to `MIN_FIELD_OF_VIEW_RAD`..`MAX_FIELD_OF_VIEW_RAD` first.
    """
    rotation = rotation_from_quat(pose_enc[..., 3:7])
    cam_from_world = torch.cat([rotation, pose_enc[..., :3, None]], dim=-1)

    field_of_view = pose_enc[..., 7:].clamp(MIN_FIELD_OF_VIEW_RAD, MAX_FIELD_OF_VIEW_RAD)
    fov_v, fov_h = field_of_view.unbind(-1)
    height, width = image_size
    fx = (width / 2) / torch.tan(fov_h / 2)
    fy = (height / 2) / torch.tan(fov_v / 2)
    zero, one = torch.zeros_like(fx), torch.ones_like(fx)
    K = _matrix(
        (
            (fx, zero, one * (width / 2)),
            (zero, fy, one * (height / 2)),
            (zero, zero, one),
        )
    )
    return cam_from_world, K


def encode_pose_encoding(
    cam_from_world: Float[Tensor, '*n 3 4'],
    K: Float[Tensor, '*n 3 3'],
    image_size: tuple[int, int],
) -> Float[Tensor, '*n 9']:
    """Return the pose encoding of cameras; the principal point is dropped.

    Args:
        cam_from_world: Rigid, OpenCV axes.
        K: Intrinsics in pixels of the images the network sees.
        image_size: Height and width of those images, pixels.
    """
    height, width = image_size
    fov_v = 2 * torch.atan((height / 2) / K[..., 1, 1])
    fov_h = 2 * torch.atan((width / 2) / K[..., 0, 0])
    quat_xyzw = quat_from_rotation(cam_from_world[..., :3])
    field_of_view = torch.stack([fov_v, fov_h], dim=-1)
    return torch.cat([cam_from_world[..., 3], quat_xyzw, field_of_view], dim=-1)


def rotation_from_quat(quat_xyzw: Float[Tensor, '*n 4']) -> Float[Tensor, '*n 3 3']:
    """Return the rotation of quaternions of any length; the zero quaternion gives identity."""
    x, y, z, w = quat_xyzw.unbind(-1)
    tiny = torch.finfo(quat_xyzw.dtype).tiny
    s = 2.0 / quat_xyzw.square().sum(-1).clamp_min(tiny)
    return _matrix(
        (
            (1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)),
            (s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)),
            (s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)),
        )
    )


def quat_from_rotation(rotation: Float[Tensor, '*n 3 3']) -> Float[Tensor, '*n 4']:
    """Return unit quaternions (x, y, z, w) with w >= 0.

    The largest of the four components serves as pivot, so that nothing is divided by a small
    number (Shepperd, "Quaternion from rotation matrix", 1978).
    """
    m = [[rotation[..., i, j] for j in range(3)] for i in range(3)]
    signs = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))  # of w, x, y, z
    doubled = torch.stack(
        [(1 + a * m[0][0] + b * m[1][1] + c * m[2][2]).clamp_min(0).sqrt() for a, b, c in signs],
        dim=-1,
    )
    w2, x2, y2, z2 = doubled.square().unbind(-1)
    wx, wy, wz = m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]
    xy, xz, yz = m[1][0] + m[0][1], m[0][2] + m[2][0], m[1][2] + m[2][1]
    candidates = _matrix(((w2, wx, wy, wz), (wx, x2, xy, xz), (wy, xy, y2, yz), (wz, xz, yz, z2)))
    candidates = candidates / (2 * doubled.clamp_min(_MIN_PIVOT))[..., None]
    pivot = doubled.argmax(-1)[..., None, None].expand(*doubled.shape[:-1], 1, 4)
    quat_wxyz = candidates.gather(-2, pivot).squeeze(-2)
    quat_xyzw = quat_wxyz.roll(-1, dims=-1)
    return torch.where(quat_xyzw[..., 3:] < 0, -quat_xyzw, quat_xyzw)


def _matrix(rows: tuple[tuple[Tensor, ...], ...]) -> Tensor:
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
