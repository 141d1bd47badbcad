"""Two-view geometry: which matches of a pair of images one rigid motion explains."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from jaxtyping import Float, Int
import numpy as np

from vggt_ros.geometry.rotation import nearest_rotation

# Fewer matches than this agree with some motion by chance.
MIN_INLIERS = 15
_THRESHOLD_PX = 1.5
_CONFIDENCE = 0.999
_NO_PARALLAX_RAD = np.radians(0.5)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TwoView:
    """What two images say about the motion between them.

    Attributes:
        matches: (m, 2) rows of the features of both, only those that fit.
        b_from_a: (4, 4) rigid, the translation of length 1: a single pair has no scale.
        parallax_rad: Median angle that is left between matched rays when the rotation is undone.
    """

    matches: Int[np.ndarray, 'm 2']
    b_from_a: Float[np.ndarray, '4 4']
    parallax_rad: float


def verify_pair(
    uv_a: Float[np.ndarray, 'a 2'],
    uv_b: Float[np.ndarray, 'b 2'],
    matches: Int[np.ndarray, 'm 2'],
    K_a: Float[np.ndarray, '3 3'],
    K_b: Float[np.ndarray, '3 3'],
) -> TwoView | None:
    """Keep the matches that an essential matrix explains (MAGSAC++, Barath et al., CVPR 2020).

    Args:
        uv_a: Pixels of all features of one image.
        uv_b: Of the other one.
        matches: (m, 2) rows of both.
        K_a: (3, 3) intrinsics.
        K_b: (3, 3) intrinsics.

    Returns:
        None if too few matches fit one motion.
    """
    if len(matches) < MIN_INLIERS:
        return None
    rays_a, rays_b = normalized(uv_a[matches[:, 0]], K_a), normalized(uv_b[matches[:, 1]], K_b)
    focal = 0.25 * float(K_a[0, 0] + K_a[1, 1] + K_b[0, 0] + K_b[1, 1])
    essential, mask = cv2.findEssentialMat(
        rays_a, rays_b, np.eye(3), cv2.USAC_MAGSAC, _CONFIDENCE, _THRESHOLD_PX / focal
    )
    if essential is None or essential.shape != (3, 3) or mask is None:
        return None
    keep = mask.ravel() > 0
    if int(keep.sum()) < MIN_INLIERS:
        return None
    _, rotation, translation, _ = cv2.recoverPose(essential, rays_a[keep], rays_b[keep], np.eye(3))
    # Without parallax nothing is in front or behind, and half a turn about the translation is as
    # good to `recoverPose`; but only the true rotation brings the rays together.
    turns = [rotation, *cv2.decomposeEssentialMat(essential)[:2]]
    parallaxes = [parallax_rad(rays_a[keep], rays_b[keep], turn) for turn in turns]
    best = int(np.argmin(parallaxes))
    if parallaxes[best] > _NO_PARALLAX_RAD:
        best = 0
    b_from_a = np.eye(4)
    b_from_a[:3, :3] = nearest_rotation(turns[best])
    b_from_a[:3, 3] = translation.ravel()
    return TwoView(matches=matches[keep], b_from_a=b_from_a, parallax_rad=parallaxes[best])


def normalized(uv: Float[np.ndarray, '*n 2'], K: Float[np.ndarray, '3 3']) -> np.ndarray:
    """Return x / z and y / z of the rays through pixels."""
    y = (uv[..., 1] - K[1, 2]) / K[1, 1]
    x = (uv[..., 0] - K[0, 2] - K[0, 1] * y) / K[0, 0]
    return np.stack([x, y], axis=-1).astype(np.float64)


def parallax_rad(
    rays_a: Float[np.ndarray, 'n 2'],
    rays_b: Float[np.ndarray, 'n 2'],
    b_from_a: Float[np.ndarray, '3 3'],
) -> float:
    """Return the median angle between rays of two images once the rotation is undone."""
    a = np.concatenate([rays_a, np.ones((len(rays_a), 1))], axis=1) @ b_from_a.T
    b = np.concatenate([rays_b, np.ones((len(rays_b), 1))], axis=1)
    sine = np.linalg.norm(np.cross(a, b), axis=1)
    return float(np.median(np.arctan2(sine, (a * b).sum(axis=1))))
