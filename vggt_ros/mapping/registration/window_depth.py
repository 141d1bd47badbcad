"""Depth of a refined window: made to agree with its cameras, its points and its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jaxtyping import Bool, Float, Float32
import numpy as np
import torch

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject_depth
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.pixel_filter import keep_mask
from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.refinement.depth_agreement import (
    correct_depths,
    SeenPoints,
    sweep_depths,
)
from vggt_ros.mapping.refinement.landmarks import point_log_sigma
from vggt_ros.mapping.refinement.refined_window import RefinedWindow
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.settings.config import CloudSettings

# A point whose rays meet at a smaller angle has no depth that could correct another one.
_MIN_POINT_ANGLE_RAD = np.radians(0.7)


def agreeing_depth(
    submap: Submap,
    refined: RefinedWindow,
    prediction: Prediction,
    in_map: Submap | None,
    *,
    sweeps: bool,
    device: torch.device,
) -> Submap:
    """Return a window with refined cameras and a depth that agrees with them.

    Frames that the map has keep the depth it has of them. Frames that are not verified keep
    the network's.

    Args:
        submap: What the network says, in the frame and unit of the refined window.
        refined: What the images say.
        prediction: Whose images are compared.
        in_map: The frames that the map has, in the same frame and unit; None if there are none.
        sweeps: True to compare the images pixel by pixel, too.
        device: Where to do that.
    """
    grid, geometry = prediction.grid, refined.geometry
    K = np.stack([grid.K_model_from_image(each) for each in geometry.K])
    depth = with_map_depth(submap, in_map).copy()
    known = () if in_map is None else in_map.frame_ids
    is_open = refined.is_verified & np.isfinite(depth).any(axis=(1, 2))
    is_open &= [frame_id not in known for frame_id in submap.frame_ids]
    rows = np.flatnonzero(is_open).tolist()
    points = [_points(refined, row, grid) for row in range(len(depth))]
    confidence = submap.confidence.copy()
    if sweeps:
        poses = geometry.window_from_cam
        agreed = sweep_depths(prediction.images, K, poses, depth, confidence, points, rows, device)
    else:
        agreed = correct_depths(depth, confidence, points, rows)
    for row, each in zip(rows, agreed, strict=True):
        depth[row], confidence[row] = each.depth, each.confidence
    points_in_cam = np.stack([unproject_depth(d, k) for d, k in zip(depth, K, strict=True)])
    return replace(
        submap,
        depth=depth,
        confidence=confidence,
        points_in_cam=points_in_cam,
        points_confidence=confidence,
        K=K,
        ref_from_cam=geometry.window_from_cam,
    )


def kept_pixels(
    submap: Submap, grid: ImageGrid, settings: CloudSettings, rows: Sequence[int]
) -> Bool[np.ndarray, 'S H W']:
    """Return which pixels are worth a point, by the depth and the confidence of a refined window.

    Args:
        submap: The window.
        grid: Where its pixels show the camera's image.
        settings: The filters.
        rows: Frames that are asked about; the others have none.
    """
    keep = np.zeros(submap.depth.shape, dtype=bool)
    picked = list(rows)
    keep[picked] = keep_mask(
        torch.from_numpy(submap.depth[picked]),
        torch.from_numpy(submap.confidence[picked]),
        torch.from_numpy(grid.inside()),
        settings,
    ).numpy()
    return keep


def _points(refined: RefinedWindow, row: int, grid: ImageGrid) -> SeenPoints:
    """Return the adjusted points that a frame sees, on the network's pixels."""
    geometry = refined.geometry
    use = refined.is_inlier[:, row] & (refined.point_angle_rad > _MIN_POINT_ANGLE_RAD)
    use &= np.isfinite(geometry.points[:, 0])
    cam_from_window = se3.inverse(geometry.window_from_cam[row])
    return SeenPoints(
        uv=grid.model_from_image(refined.tracks.uv[use, row]),
        z=se3.transform(cam_from_window, geometry.points[use])[:, 2],
        sigma=point_log_sigma(refined.point_angle_rad[use], float(geometry.K[row, 0, 0])),
    )


def with_map_depth(submap: Submap, in_map: Submap | None) -> Float32[np.ndarray, 'S H W']:
    """Return the depth of a window, that of the map where it has one."""
    if in_map is None or in_map.depth.shape[1:] != submap.depth.shape[1:]:
        return submap.depth
    depth = submap.depth.copy()
    for frame_id, image in zip(in_map.frame_ids, in_map.depth, strict=True):
        if np.isfinite(image).any():
            depth[submap.frame_ids.index(frame_id)] = image
    return depth


def depth_at(
    depth: Float32[np.ndarray, 'S H W'], uv: Float[np.ndarray, 'N S 2'], grid: ImageGrid
) -> Float[np.ndarray, 'N S']:
    """Return the depth at pixels of the camera's images: that of the nearest of its own."""
    at = grid.model_from_image(uv)
    is_seen = np.isfinite(at[..., 0])
    columns = np.rint(np.where(is_seen, at[..., 0], 0.0)).astype(int)
    rows = np.rint(np.where(is_seen, at[..., 1], 0.0)).astype(int)
    height, width = depth.shape[1:]
    is_seen &= (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    image = np.broadcast_to(np.arange(depth.shape[0]), is_seen.shape)
    found = depth[image, rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return np.where(is_seen & (found > 0), found, np.nan).astype(np.float64)
