"""Baselines of overlap registration: two published methods, and one of our own."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.robust import huber_weights
from vggt_ros.geometry.sim3 import align_sim3, Sim3
from vggt_ros.mapping.registration.registration import register, Registration
from vggt_ros.mapping.registration.submap import Submap

_IRLS_ROUNDS = 5
_HUBER_DELTA = 0.1  # an absolute length, whatever the unit of the map is
_MIN_CONFIDENCE = 0.1  # of the median


def by_camera_centers(
    in_map: Submap, in_submap: Submap, inconsistency: object = None
) -> Registration:
    """Join by the centers of the shared cameras alone.

    With fewer than three centers, or centers on a line, rotation is that of the first shared
    camera and scale the ratio of the ways between the centers.

    Raises:
        AlignmentError: There is a single center, or they are all in one place.
    """
    in_a, in_b = in_submap.ref_from_cam, in_map.ref_from_cam
    try:
        found = align_sim3(in_a[:, :3, 3], in_b[:, :3, 3])
    except AlignmentError:
        found = _by_first_camera(in_a, in_b)
    return _registration(found, in_map)


def by_dense_points(
    in_map: Submap, in_submap: Submap, inconsistency: object = None
) -> Registration:
    """Join by all points of the shared frames, weighted by confidence, robustly.

    Deng et al., "VGGT-Long: Chunk it, Loop it, Align it", 2025, arXiv:2507.16443, section 3.2:
    iteratively reweighted least squares over similarities with Huber's weights.

    Raises:
        AlignmentError: Too few points are shared.
    """
    points_a, weights_a = _points(in_submap)
    points_b, weights_b = _points(in_map)
    use = np.isfinite(points_a).all(axis=1) & np.isfinite(points_b).all(axis=1)
    use &= (weights_a > _MIN_CONFIDENCE * np.nanmedian(weights_a)) & (
        weights_b > _MIN_CONFIDENCE * np.nanmedian(weights_b)
    )
    points_a, points_b = points_a[use], points_b[use]
    confidence = np.sqrt(weights_a[use] * weights_b[use])
    found = align_sim3(points_a, points_b, confidence)
    for _ in range(_IRLS_ROUNDS):
        residuals = np.linalg.norm(found.apply(points_a) - points_b, axis=1)
        weights = confidence * huber_weights(residuals, _HUBER_DELTA)
        found = align_sim3(points_a, points_b, weights)
    return _registration(found, in_map)


def without_points(
    in_map: Submap, in_submap: Submap, inconsistency: Float[np.ndarray, ' n'] | None = None
) -> Registration:
    """Join as the package does, but let the cameras alone decide the translation.

    Raises:
        AlignmentError: As `register`.
    """
    return register(in_map.without_points(), in_submap.without_points(), inconsistency)


def _by_first_camera(in_a: Float[np.ndarray, 'n 4 4'], in_b: Float[np.ndarray, 'n 4 4']) -> Sim3:
    ways = [
        float(np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).sum())
        for poses in (in_a, in_b)
    ]
    if ways[0] <= 0 or ways[1] <= 0:
        raise AlignmentError('cameras in one place give no scale; use another way to join')
    scale = ways[1] / ways[0]
    rotation = in_b[0, :3, :3] @ in_a[0, :3, :3].T
    return Sim3(scale, rotation, in_b[0, :3, 3] - scale * rotation @ in_a[0, :3, 3])


def _points(submap: Submap) -> tuple[Float[np.ndarray, 'n 3'], Float[np.ndarray, ' n']]:
    points = [
        se3.transform(pose, cloud.reshape(-1, 3).astype(np.float64))
        for pose, cloud in zip(submap.ref_from_cam, submap.points_in_cam, strict=True)
    ]
    return np.concatenate(points), submap.points_confidence.reshape(-1).astype(np.float64)


def _registration(found: Sim3, in_map: Submap) -> Registration:
    return Registration(
        map_from_submap=found,
        frame_ids=in_map.frame_ids,
        scale_residual=0.0,
        log_scale_sigma=0.01,
        rotation_residual_rad=0.0,
        translation_residual=0.0,
        num_pixels=0,
    )
