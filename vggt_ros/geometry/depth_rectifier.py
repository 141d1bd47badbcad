"""Rectification of depth images: nearest neighbor, since a mean across an outline is of nothing.

Goes with `lens.Rectifier`, whose pinhole image it fills. Pixels are (u, v), centers at integers.
"""

from __future__ import annotations

from jaxtyping import Float32
import numpy as np

from vggt_ros.geometry.lens import project_with_lens, Rectifier
from vggt_ros.geometry.pinhole import unproject


class DepthRectifier:
    """Makes depth images that are registered to the images of a lens those of the pinhole camera.

    Depth along the optical axis does not change: the camera is not turned.
    """

    def __init__(self, rectifier: Rectifier) -> None:
        """Compute which recorded pixel each rectified one shows.

        Args:
            rectifier: Of the images.
        """
        lens = rectifier.lens
        v, u = np.indices((lens.height, lens.width), dtype=np.float64)
        uv = np.stack([u.ravel(), v.ravel()], axis=-1)
        recorded = project_with_lens(lens, unproject(uv, np.ones(len(uv)), rectifier.K))
        nearest = np.rint(np.nan_to_num(recorded, nan=-1.0)).astype(np.int64)
        size = np.array([lens.width, lens.height])
        is_seen = ((nearest >= 0) & (nearest < size)).all(axis=1)
        nearest = nearest.clip(0, size - 1)
        self._pixel = (nearest[:, 1] * lens.width + nearest[:, 0]).reshape(u.shape)
        self._is_seen = is_seen.reshape(u.shape)

    def rectify(self, depth: Float32[np.ndarray, 'H W']) -> Float32[np.ndarray, 'H W']:
        """Return the (H, W) depth of the pinhole camera, NaN where the lens saw nothing.

        Args:
            depth: (H, W) on the pixels of the recorded image.
        """
        return np.where(self._is_seen, depth.ravel()[self._pixel], np.float32(np.nan))
