"""Triangulation: where in space the rays of a track meet, and how well that is determined."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3

# Rays that are closer to parallel than this meet anywhere.
_MIN_DETERMINANT = 1e-12


def rays_in_window(
    uv: Float[np.ndarray, 'N S 2'],
    K: Float[np.ndarray, 'S 3 3'],
    window_from_cam: Float[np.ndarray, 'S 4 4'],
) -> Float[np.ndarray, 'N S 3']:
    """Return unit vectors from the cameras to the tracks; NaN where a track is not seen."""
    y = (uv[..., 1] - K[:, 1, 2]) / K[:, 1, 1]
    x = (uv[..., 0] - K[:, 0, 2] - K[:, 0, 1] * y) / K[:, 0, 0]
    in_cam = np.stack([x, y, np.ones_like(x)], axis=-1)
    in_cam /= np.linalg.norm(in_cam, axis=-1, keepdims=True)
    return (window_from_cam[:, :3, :3] @ in_cam[..., None])[..., 0]


def triangulate(
    rays: Float[np.ndarray, 'N S 3'], window_from_cam: Float[np.ndarray, 'S 4 4']
) -> Float[np.ndarray, 'N 3']:
    """Return the points with the least sum of squared distances to their rays.

    Args:
        rays: (N, S, 3) from `rays_in_window`.
        window_from_cam: (S, 4, 4) poses of the cameras.

    Returns:
        (N, 3) in the frame of the window; NaN where fewer than two rays are known or all are
        parallel.
    """
    is_seen = np.isfinite(rays[..., 0])
    direction = np.where(is_seen[..., None], rays, 0.0)
    # A ray d through a center c asks for (I - d d^T) x = (I - d d^T) c.
    centers = window_from_cam[:, :3, 3]
    normal = is_seen.sum(axis=1)[:, None, None] * np.eye(3)
    normal -= direction.swapaxes(1, 2) @ direction
    along = direction * (direction * centers).sum(axis=-1, keepdims=True)
    right = is_seen.astype(np.float64) @ centers - along.sum(axis=1)
    is_solvable = (np.linalg.det(normal) > _MIN_DETERMINANT) & (is_seen.sum(axis=1) >= 2)
    points = np.full((len(rays), 3), np.nan)
    points[is_solvable] = np.linalg.solve(normal[is_solvable], right[is_solvable][..., None])[
        ..., 0
    ]
    return points


def largest_angle_rad(rays: Float[np.ndarray, 'N S 3']) -> Float[np.ndarray, ' N']:
    """Return the largest angle between two rays of each track, 0 for a single ray."""
    cosine = rays @ rays.swapaxes(1, 2)
    smallest = np.where(np.isnan(cosine), 1.0, cosine).min(axis=(1, 2), initial=1.0)
    return np.asarray(np.arccos(np.clip(smallest, -1.0, 1.0)))


def reprojection_error_px(
    points_in_window: Float[np.ndarray, 'N 3'],
    uv: Float[np.ndarray, 'N S 2'],
    K: Float[np.ndarray, 'S 3 3'],
    window_from_cam: Float[np.ndarray, 'S 4 4'],
    sigma_px: Float[np.ndarray, ' N'] | float = 1.0,
) -> Float[np.ndarray, 'N S']:
    """Return how far the points are from where they are seen.

    Args:
        points_in_window: (N, 3) the points.
        uv: (N, S, 2) observations, NaN where there is none.
        K: (S, 3, 3) intrinsics.
        window_from_cam: (S, 4, 4) rigid poses.
        sigma_px: Standard deviation of the observations, of each track or of all.

    Returns:
        (N, S) pixels, over their standard deviation; infinite for points behind a camera, NaN
        where a track is not seen.
    """
    cam_from_window = se3.inverse(window_from_cam)
    axes = cam_from_window[:, :3, :3].reshape(-1, 3)
    in_cam = (points_in_window @ axes.T).reshape(len(points_in_window), len(K), 3)
    in_cam += cam_from_window[:, :3, 3]
    z = in_cam[..., 2]
    is_in_front = z > 0
    safe = np.where(is_in_front, z, 1.0)
    u = (K[:, 0, 0] * in_cam[..., 0] + K[:, 0, 1] * in_cam[..., 1]) / safe + K[:, 0, 2]
    v = K[:, 1, 1] * in_cam[..., 1] / safe + K[:, 1, 2]
    error = np.hypot(u - uv[..., 0], v - uv[..., 1])
    error /= np.reshape(sigma_px, (-1, 1))
    return np.where(is_in_front | np.isnan(error), error, np.inf)
