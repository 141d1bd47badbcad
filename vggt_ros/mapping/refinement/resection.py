"""Resection: where a camera is, from points that it sees (perspective-n-point)."""

from __future__ import annotations

import cv2
from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement.two_view import normalized


def resected(
    points: Float[np.ndarray, 'm 3'],
    uv: Float[np.ndarray, 'm 2'],
    K: Float[np.ndarray, '3 3'],
    *,
    max_error_px: float,
    min_inliers: int,
    num_iterations: int,
    confidence: float,
) -> Float[np.ndarray, '4 4'] | None:
    """Return cam_from_world of a camera by SQPnP (Terzakis and Lourakis, ECCV 2020) with RANSAC.

    Args:
        points: (m, 3) in any frame and unit, finite.
        uv: (m, 2) pixels at which the camera sees them.
        K: (3, 3) intrinsics.
        max_error_px: Of an inlier.
        min_inliers: With fewer there is no pose.
        num_iterations: Of RANSAC, at the most.
        confidence: By which it may end before.
    """
    is_found, rotation_vector, translation, inliers = cv2.solvePnPRansac(
        points,
        normalized(uv, K),
        np.eye(3),
        None,
        iterationsCount=num_iterations,
        reprojectionError=max_error_px / float(K[0, 0]),
        confidence=confidence,
        flags=cv2.SOLVEPNP_SQPNP,
    )
    if not is_found or inliers is None or len(inliers) < min_inliers:
        return None
    rotation, _ = cv2.Rodrigues(rotation_vector)
    return se3.rigid(rotation, translation.ravel())
