"""A window of images about which everything is known that a network is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Float32, UInt8
import numpy as np

from vggt_ros.inference.image_grid import ImageGrid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrueTracks:
    """Where N points of the first image truly are.

    Attributes:
        positions: (S, N, 2) pixels (u, v) of the window's images; meaningless where the point is
            behind the camera.
        is_visible: (S, N) in the image and not hidden.
    """

    positions: Float32[np.ndarray, 'S N 2']
    is_visible: Bool[np.ndarray, 'S N']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TruthWindow:
    """S images of one camera with the truth about them.

    Attributes:
        name: Which window this is, for people and logs.
        images: (S, H, W, 3) RGB.
        depth: (S, H, W) along the optical axis, meters, NaN where unknown.
        cam_from_world: (S, 4, 4) rigid, OpenCV axes, meters; any world.
        K: (3, 3) intrinsics of the images, pixels.
        tracks: Points of the first image; None if it is unknown where they went.
    """

    name: str
    images: UInt8[np.ndarray, 'S H W 3']
    depth: Float32[np.ndarray, 'S H W']
    cam_from_world: Float[np.ndarray, 'S 4 4']
    K: Float[np.ndarray, '3 3']
    tracks: TrueTracks | None = None

    def depth_on(self, grid: ImageGrid) -> Float32[np.ndarray, 'S h w']:
        """Return the depth at the pixel centers of the network's image, NaN in its padding.

        The nearest pixel counts: a mean across an outline is the depth of nothing.

        Args:
            grid: How the network's pixels map to those of the window's images.
        """
        column = np.stack([np.arange(grid.model_width), np.zeros(grid.model_width)], axis=1)
        row = np.stack([np.zeros(grid.model_height), np.arange(grid.model_height)], axis=1)
        u = np.rint(grid.image_from_model(column)[:, 0]).astype(int)
        v = np.rint(grid.image_from_model(row)[:, 1]).astype(int)
        height, width = self.depth.shape[1:]
        depth = self.depth[:, v.clip(0, height - 1)][:, :, u.clip(0, width - 1)]
        return np.where(grid.inside(), depth, np.float32(np.nan))
