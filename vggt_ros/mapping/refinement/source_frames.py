"""Source frames: the choice of frames that show the depth of another one."""

from __future__ import annotations

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.geometry.pinhole import unproject
from vggt_ros.geometry.se3 import inverse
from vggt_ros.mapping.refinement.view_transfer import is_inside, ViewTransfer

# The angle between two rays that serves best: less measures worse, more looks different.
_BEST_ANGLE_DEG = 5.0
_SPREAD_BELOW_DEG = 2.5
_SPREAD_ABOVE_DEG = 10.0
# If a depth that is wrong by this factor moves a pixel by less, images cannot tell.
_DEPTH_FACTOR = 1.25
_MIN_PARALLAX_PX = 0.5
# Pixels between those that are looked at.
_STEP = 16


def select_sources(
    depth: Float32[np.ndarray, 'H W'],
    K: Float[np.ndarray, 'S 3 3'],
    world_from_cam: Float[np.ndarray, 'S 4 4'],
    reference: int,
    max_sources: int,
) -> list[int]:
    """Return the positions of the frames to compare a frame with, the best first.

    The score of a frame is the mean over pixels of how good the angle between the two rays is,
    as in Yao et al., "MVSNet", ECCV 2018, section 4.1, and 0 for those it does not see.

    Args:
        depth: (H, W) roughly the depth of the reference; NaN where there is none.
        K: (S, 3, 3) intrinsics, pixels.
        world_from_cam: (S, 4, 4) rigid, in the unit of the depth.
        reference: Position of the frame whose depth is asked for.
        max_sources: At most so many; fewer, or none, if others see nothing of the place or have
            too little parallax for its depth.
    """
    height, width = depth.shape
    others = [i for i in range(len(K)) if i != reference]
    v, u = np.mgrid[_STEP // 2 : height : _STEP, _STEP // 2 : width : _STEP]
    z = depth[v, u].astype(np.float64).ravel()
    known = np.isfinite(z) & (z > 0)
    uv, z = np.stack([u.ravel(), v.ravel()], axis=1)[known].astype(np.float64), z[known]
    if not others or not len(z):
        return []
    transfer = ViewTransfer.between(K, world_from_cam, reference, others)
    near, _ = transfer.pixels(uv, z)
    far, _ = transfer.pixels(uv, z * _DEPTH_FACTOR)
    is_seen = is_inside(near, height, width)
    parallax_px = np.linalg.norm(near - far, axis=-1)
    centers_in_reference = (inverse(world_from_cam[reference]) @ world_from_cam[others])[:, :3, 3]
    angle_deg = _angles_deg(unproject(uv, z, K[reference]), centers_in_reference)
    spread = np.where(angle_deg < _BEST_ANGLE_DEG, _SPREAD_BELOW_DEG, _SPREAD_ABOVE_DEG)
    goodness = np.exp(-0.5 * ((angle_deg - _BEST_ANGLE_DEG) / spread) ** 2)
    scores = (goodness * is_seen).mean(axis=1)
    usable = [
        i
        for i in range(len(others))
        if is_seen[i].any() and np.nanmedian(parallax_px[i][is_seen[i]]) >= _MIN_PARALLAX_PX
    ]
    return [others[i] for i in sorted(usable, key=lambda i: -scores[i])[:max_sources]]


def _angles_deg(
    points: Float[np.ndarray, 'm 3'], centers: Float[np.ndarray, 'n 3']
) -> Float[np.ndarray, 'n m']:
    """Return the angles at points between the rays to the origin and to each center."""
    to_center = centers[:, None] - points
    norms = np.linalg.norm(points, axis=-1) * np.linalg.norm(to_center, axis=-1)
    cosine = -(points * to_center).sum(axis=-1) / np.maximum(norms, np.finfo(float).tiny)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
