"""The pinhole camera without distortion: pixels, depth and points in the camera's frame.

Camera axes are optical: x right, y down, z forward. Pixels are (u, v), u right, v down, and the
center of the top-left pixel is (0, 0).
"""

from __future__ import annotations

from jaxtyping import Float, Float32
import numpy as np


def project(
    points_in_cam: Float[np.ndarray, '*n 3'], K: Float[np.ndarray, '3 3']
) -> Float[np.ndarray, '*n 2']:
    """Return the pixels (u, v) of points; NaN for points that are not in front of the camera."""
    x, y, z = np.moveaxis(points_in_cam, -1, 0)
    z = np.where(z > 0, z, np.nan)
    u = K[0, 0] * x / z + K[0, 1] * y / z + K[0, 2]
    v = K[1, 1] * y / z + K[1, 2]
    return np.stack([u, v], axis=-1)


def unproject(
    uv: Float[np.ndarray, '*n 2'], depth: Float[np.ndarray, '*n'], K: Float[np.ndarray, '3 3']
) -> Float[np.ndarray, '*n 3']:
    """Return the points, in the camera's frame, at pixels (u, v) and depth along the z axis."""
    y = (uv[..., 1] - K[1, 2]) / K[1, 1]
    x = (uv[..., 0] - K[0, 2] - K[0, 1] * y) / K[0, 0]
    return np.stack([x * depth, y * depth, np.broadcast_to(depth, x.shape)], axis=-1)


def unproject_depth(
    depth: Float32[np.ndarray, 'H W'], K: Float[np.ndarray, '3 3']
) -> Float32[np.ndarray, 'H W 3']:
    """Return the points, in the camera's frame, of every pixel of a depth image.

    Args:
        depth: (H, W) along the z axis; NaN gives a point of NaN.
        K: (3, 3) intrinsics in pixels of the depth image.
    """
    height, width = depth.shape
    y = (np.arange(height) - K[1, 2]) / K[1, 1]
    x = (np.arange(width) - K[0, 2]) / K[0, 0]
    points_in_cam = np.empty((height, width, 3), dtype=np.float32)
    points_in_cam[..., 0] = depth * x.astype(np.float32)
    points_in_cam[..., 1] = depth * y.astype(np.float32)[:, None]
    points_in_cam[..., 2] = depth
    if K[0, 1] != 0:
        points_in_cam[..., 0] -= points_in_cam[..., 1] * np.float32(K[0, 1] / K[0, 0])
    return points_in_cam


def scale_K(
    K: Float[np.ndarray, '3 3'], scale_u: float, scale_v: float
) -> Float[np.ndarray, '3 3']:
    """Return the intrinsics after resizing the image; the image's corners, not centers, stay.

    Args:
        K: (3, 3) intrinsics in pixels of the image before.
        scale_u: New width over old width.
        scale_v: New height over old height.
    """
    scaled = np.array(K, dtype=np.float64)
    scaled[0, :2] *= scale_u
    scaled[1, 1] *= scale_v
    scaled[0, 2] = (K[0, 2] + 0.5) * scale_u - 0.5
    scaled[1, 2] = (K[1, 2] + 0.5) * scale_v - 0.5
    return scaled


def crop_K(K: Float[np.ndarray, '3 3'], left: float, top: float) -> Float[np.ndarray, '3 3']:
    """Return the intrinsics after cutting columns off the left and rows off the top.

    Args:
        K: (3, 3) intrinsics in pixels of the image before.
        left: Columns cut; negative for columns added.
        top: Rows cut; negative for rows added.
    """
    cropped = np.array(K, dtype=np.float64)
    cropped[0, 2] -= left
    cropped[1, 2] -= top
    return cropped
