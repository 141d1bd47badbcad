"""Prediction: what one forward pass says about the frames of a window."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Float32, UInt8
import numpy as np

from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.settings.config import CloudSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """What a forward pass is asked for beside depth and cameras.

    Attributes:
        query_points: (N, 2) pixels (u, v) of the *first* image, at the camera's size, to be
            followed through all images; None switches the track head off.
        point_head: True to run the point head, too.
        filter: Which pixels are worth a point, as far as that can be told without a unit of
            length; None for all that have a depth.
        depth_frames: Positions of the images whose depth and points are wanted; None for all. The
            others keep NaN: who has them from an earlier pass need not pay for them again.
    """

    query_points: Float32[np.ndarray, 'N 2'] | None = None
    point_head: bool = False
    filter: CloudSettings | None = None
    depth_frames: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tracks:
    """Where N points of the first image are in each of the S images.

    Attributes:
        positions: (S, N, 2) pixels (u, v) of the network's image; may leave the image.
        visibility: (S, N) in 0..1, small where the point is hidden.
        confidence: (S, N) in 0..1, small where the position is uncertain.
    """

    positions: Float32[np.ndarray, 'S N 2']
    visibility: Float32[np.ndarray, 'S N']
    confidence: Float32[np.ndarray, 'S N']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prediction:
    """Depth, cameras and, on request, points and tracks of S images, on the network's pixels.

    World is the first camera's frame, approximately: the network is trained for it, nothing
    enforces it. The unit of length is the network's own, one per forward pass.

    Attributes:
        grid: How the network's pixels map to the camera's.
        images: (S, H, W, 3) RGB as the network saw them.
        depth: (S, H, W) along the optical axis, positive; NaN in frames that were not asked for.
        depth_conf: (S, H, W), at least 1, unbounded; a rank, not a probability; NaN as above.
        keep: (S, H, W) True for the pixels that pass the filter of the request; by the depth and
            confidence of the point head if it was asked.
        cam_from_world: (S, 4, 4) rigid, OpenCV axes (x right, y down, z forward).
        K_model: (S, 3, 3) predicted intrinsics, pixels of the network's image.
        K_image: (S, 3, 3) the same in pixels of the camera's image.
        points_in_world: (S, H, W, 3) from the point head, None if it was not asked for; NaN as
            in `depth`.
        points_conf: (S, H, W) of the point head, as `depth_conf`.
        tracks: Tracks of the query points, None if there were none.
        descriptors: (S, C) what each image shows as a whole: the mean of its encoder tokens, of
            length 1; it depends on that image alone. None if there are none.
    """

    grid: ImageGrid
    images: UInt8[np.ndarray, 'S H W 3']
    depth: Float32[np.ndarray, 'S H W']
    depth_conf: Float32[np.ndarray, 'S H W']
    keep: Bool[np.ndarray, 'S H W']
    cam_from_world: Float[np.ndarray, 'S 4 4']
    K_model: Float[np.ndarray, 'S 3 3']
    K_image: Float[np.ndarray, 'S 3 3']
    points_in_world: Float32[np.ndarray, 'S H W 3'] | None = None
    points_conf: Float32[np.ndarray, 'S H W'] | None = None
    tracks: Tracks | None = None
    descriptors: Float32[np.ndarray, 'S C'] | None = None
