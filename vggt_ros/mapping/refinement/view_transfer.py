"""View transfer: positions of one frame's pixels in others, as a function of their depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.geometry.se3 import inverse


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewTransfer:
    """From the pixels of a reference frame to those of n other frames.

    A pixel x = (u, v, 1) with the inverse depth q is at the homogeneous pixel
    `rays @ x + q * epipole` of another frame, whose third coordinate is the depth there over the
    depth here (Hartley and Zisserman, "Multiple View Geometry", 9.6.2).

    Attributes:
        rays: (n, 3, 3) K_other @ R @ inv(K_reference), R of other_from_reference.
        epipoles: (n, 3) K_other @ t, t of other_from_reference.
    """

    rays: Float[np.ndarray, 'n 3 3']
    epipoles: Float[np.ndarray, 'n 3']

    @classmethod
    def between(
        cls,
        K: Float[np.ndarray, 'S 3 3'],
        world_from_cam: Float[np.ndarray, 'S 4 4'],
        reference: int,
        others: Sequence[int],
    ) -> ViewTransfer:
        """Return the transfer from one of S frames to others of them.

        Args:
            K: (S, 3, 3) intrinsics, pixels.
            world_from_cam: (S, 4, 4) rigid poses; their unit is that of the depth.
            reference: Position of the frame to transfer from.
            others: Positions of the n frames to transfer to.
        """
        other = list(others)
        others_from_reference = inverse(world_from_cam[other]) @ world_from_cam[reference]
        return cls(
            rays=K[other] @ others_from_reference[:, :3, :3] @ np.linalg.inv(K[reference]),
            epipoles=(K[other] @ others_from_reference[:, :3, 3:])[..., 0],
        )

    def pixels(
        self, uv: Float[np.ndarray, 'm 2'], depth: Float[np.ndarray, ' m']
    ) -> tuple[Float[np.ndarray, 'n m 2'], Float[np.ndarray, 'n m']]:
        """Return where pixels (u, v) of that depth are, and how deep; NaN behind a camera."""
        x = np.concatenate([uv, np.ones_like(uv[:, :1])], axis=1)
        rays, epipoles = self.rays.astype(x.dtype), self.epipoles.astype(x.dtype)
        there = x @ np.swapaxes(rays, 1, 2) + epipoles[:, None] / depth[:, None]
        ratio = np.where(there[..., 2] > 0, there[..., 2], np.asarray(np.nan, x.dtype))
        return there[..., :2] / ratio[..., None], ratio * depth


def is_inside(uv: Float[np.ndarray, '*n 2'], height: int, width: int) -> Bool[np.ndarray, '*n']:
    """Return True for pixels of an image of that size, False for NaN."""
    with np.errstate(invalid='ignore'):
        inside = (uv > -0.5) & (uv < (width - 0.5, height - 0.5))
    return np.asarray(inside.all(axis=-1))
