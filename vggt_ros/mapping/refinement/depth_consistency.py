"""Depth consistency: the number of frames that agree about the depth of a place."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32, Int64
import numpy as np

from vggt_ros.mapping.refinement.view_transfer import is_inside, ViewTransfer

# Relative difference up to which two depths are of the same surface.
_TOLERANCE = 0.03


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewCounts:
    """What the other frames of a window say about the pixels of one.

    Attributes:
        agreeing: (H, W) frames whose depth at that place is the same.
        comparable: (H, W) frames that have a depth there, or something in front of it.
    """

    agreeing: Int64[np.ndarray, 'H W']
    comparable: Int64[np.ndarray, 'H W']


def count_views(
    depth: Float32[np.ndarray, 'S H W'],
    K: Float[np.ndarray, 'S 3 3'],
    world_from_cam: Float[np.ndarray, 'S 4 4'],
    reference: int,
) -> ViewCounts:
    """Carry the points of one frame into the others and compare depths there.

    Args:
        depth: (S, H, W) in the unit of the poses, NaN where there is none.
        K: (S, 3, 3) intrinsics, pixels of the depth.
        world_from_cam: (S, 4, 4) rigid poses.
        reference: Position of the frame whose pixels are asked about.
    """
    num_frames, height, width = depth.shape
    others = [i for i in range(num_frames) if i != reference]
    agreeing = np.zeros(height * width, np.int64)
    comparable = np.zeros_like(agreeing)
    v, u = np.mgrid[:height, :width].astype(np.float32)
    uv = np.stack([u.ravel(), v.ravel()], axis=1)
    transfer = ViewTransfer.between(K, world_from_cam, reference, others)
    uv_there, z_there = transfer.pixels(uv, depth[reference].ravel())
    inside = is_inside(uv_there, height, width)
    for i, other in enumerate(others):
        at = np.flatnonzero(inside[i])
        column, row = np.rint(uv_there[i, at]).astype(np.int64).T
        seen = depth[other, row.clip(0, height - 1), column.clip(0, width - 1)]
        comparable[at] += np.isfinite(seen)
        with np.errstate(invalid='ignore'):
            agreeing[at] += np.abs(seen / z_there[i, at] - 1) <= _TOLERANCE
    shape = height, width
    return ViewCounts(agreeing=agreeing.reshape(shape), comparable=comparable.reshape(shape))
