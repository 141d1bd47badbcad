"""Places made of upright boxes only: depth of many small images in no time."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32, Int
import numpy as np

_NEAR_M = 1e-3
_TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoxWorld:
    """A hall with boxes in it; axes are z-up, meters.

    Attributes:
        hall: (2, 3) lowest and highest corner of the hall, seen from inside.
        boxes: (n, 2, 3) lowest and highest corners of what stands in it, seen from outside.
        style: (n,) number of what each box looks like where it is painted; None if all differ.
        tile_m: What one repetition of a texture covers where it is painted.
    """

    hall: Float[np.ndarray, '2 3']
    boxes: Float[np.ndarray, 'n 2 3']
    style: Int[np.ndarray, ' n'] | None = None
    tile_m: float = 10.0

    @property
    def styles(self) -> Int[np.ndarray, ' n']:
        """(n,) number of what each box looks like."""
        return np.arange(len(self.boxes)) if self.style is None else self.style

    def depth(
        self,
        world_from_cam: Float[np.ndarray, '4 4'],
        K: Float[np.ndarray, '3 3'],
        width: int,
        height: int,
    ) -> Float32[np.ndarray, 'height width']:
        """Return the depth along the optical axis that a camera inside the hall sees.

        Slabs of Kay and Kajiya, "Ray tracing complex scenes", SIGGRAPH 1986.

        Args:
            world_from_cam: (4, 4) pose, OpenCV axes, outside of all boxes.
            K: (3, 3) intrinsics, pixels.
            width: Columns.
            height: Rows.
        """
        u, v = (np.arange(width) - K[0, 2]) / K[0, 0], (np.arange(height) - K[1, 2]) / K[1, 1]
        rays = np.ones((height, width, 3))
        rays[..., 0], rays[..., 1] = u[None], v[:, None]
        direction = rays.reshape(-1, 3) @ world_from_cam[:3, :3].T
        # A direction of exactly 0 along an axis would make 0 * inf of a corner in its plane.
        inverse = 1.0 / np.where(direction == 0, _TINY, direction)
        center = world_from_cam[:3, 3]
        # The ray's parameter is the depth: its z in the camera is 1.
        depth = np.maximum(*((corner - center) * inverse for corner in self.hall)).min(axis=1)
        boxes = self._in_view(world_from_cam, K, width, height, float(depth.max()))
        if len(boxes):
            corners = (boxes - center)[:, :, None] * inverse
            near = np.minimum(corners[:, 0], corners[:, 1]).max(axis=-1)
            far = np.maximum(corners[:, 0], corners[:, 1]).min(axis=-1)
            near[(near > far) | (near < _NEAR_M)] = np.inf
            depth = np.minimum(depth, near.min(axis=0))
        return depth.reshape(height, width).astype(np.float32)

    def _in_view(
        self,
        world_from_cam: Float[np.ndarray, '4 4'],
        K: Float[np.ndarray, '3 3'],
        width: int,
        height: int,
        reach_m: float,
    ) -> Float[np.ndarray, 'm 2 3']:
        """Return the boxes whose bounding spheres touch a cone around what the camera sees."""
        middle = self.boxes.mean(axis=1)
        radius_m = 0.5 * np.linalg.norm(self.boxes[:, 1] - self.boxes[:, 0], axis=1)
        in_cam = (middle - world_from_cam[:3, 3]) @ world_from_cam[:3, :3]
        half_angle = np.arctan(np.hypot(0.5 * width / K[0, 0], 0.5 * height / K[1, 1]))
        across_m = np.linalg.norm(in_cam[:, :2], axis=1)
        outside_m = across_m * np.cos(half_angle) - in_cam[:, 2] * np.sin(half_angle)
        return self.boxes[(outside_m < radius_m) & (in_cam[:, 2] - radius_m < reach_m)]
