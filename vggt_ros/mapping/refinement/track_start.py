"""A start from tracks alone: cameras by two-view geometry and PnP, without any network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement.bundle_adjustment import Geometry
from vggt_ros.mapping.refinement.resection import resected
from vggt_ros.mapping.refinement.tracks import FeatureTracks
from vggt_ros.mapping.refinement.triangulation import (
    largest_angle_rad,
    rays_in_window,
    reprojection_error_px,
    triangulate,
)
from vggt_ros.mapping.refinement.two_view import TwoView

Pairs = Mapping[tuple[int, int], TwoView]
# More parallax than this does not make a pair a better one to begin with.
_ENOUGH_PARALLAX_RAD = np.radians(5.0)
_MIN_ANGLE_RAD = np.radians(0.3)
_MAX_ERROR_PX = 6.0
# A camera follows from so many points at least.
_MIN_POINTS = 12
_PNP_ITERATIONS, _PNP_CONFIDENCE = 200, 0.999


def start_from_tracks(
    tracks: FeatureTracks,
    pairs: Pairs,
    K: Float[np.ndarray, 'S 3 3'],
    known: Mapping[int, Float[np.ndarray, '4 4']],
) -> Geometry | None:
    """Return cameras and points, camera by camera, as far as the tracks lead.

    Incremental structure from motion (Snavely et al., "Photo Tourism", 2006; Schoenberger and
    Frahm, "Structure-from-Motion Revisited", CVPR 2016) of one window.

    Args:
        tracks: Of the window.
        pairs: Two-view geometry of pairs (i, j), i < j.
        K: (S, 3, 3) intrinsics.
        known: window_from_cam of cameras whose place is known; if they are fewer than two, the
            pair with the most parallax begins, with a distance of 1 between its cameras.

    Returns:
        None if no pair can begin. Cameras that could not be placed have poses of NaN.
    """
    num_cameras = K.shape[0]
    window_from_cam = np.full((num_cameras, 4, 4), np.nan)
    for row, pose in known.items():
        window_from_cam[row] = pose
    if len(known) < 2:
        first_pair = _first_pair(pairs)
        if first_pair is None:
            return None
        i, j = first_pair
        start = known.get(i, np.eye(4)) if not known or i in known else np.eye(4)
        window_from_cam[:] = np.nan
        window_from_cam[i] = start
        window_from_cam[j] = start @ se3.inverse(pairs[i, j].b_from_a)
    while True:
        points = _points(tracks, K, window_from_cam)
        camera = _next_camera(tracks, points, window_from_cam)
        if camera is None:
            return Geometry(window_from_cam=window_from_cam, K=K, points=points)
        placed = _place(tracks.uv[:, camera], points, K[camera])
        window_from_cam[camera] = np.nan if placed is None else placed
        if placed is None:
            # Not again with these points: a camera that fails is left for the caller.
            tracks = replace(tracks, feature=tracks.feature.copy(), uv=tracks.uv.copy())
            tracks.feature[:, camera], tracks.uv[:, camera] = -1, np.nan


def _first_pair(pairs: Pairs) -> tuple[int, int] | None:
    def worth(key: tuple[int, int]) -> float:
        parallax_rad = min(pairs[key].parallax_rad, float(_ENOUGH_PARALLAX_RAD))
        return float(np.sqrt(len(pairs[key].matches))) * parallax_rad

    return max(pairs, key=worth, default=None)


def _points(
    tracks: FeatureTracks, K: Float[np.ndarray, 'S 3 3'], window_from_cam: np.ndarray
) -> Float[np.ndarray, 'N 3']:
    """Triangulate all tracks that two placed cameras see; NaN for what does not fit."""
    is_placed = np.isfinite(window_from_cam[:, 0, 0])
    poses = np.where(is_placed[:, None, None], window_from_cam, np.eye(4))
    uv = np.where(is_placed[:, None], tracks.uv, np.nan)
    rays = rays_in_window(uv, K, poses)
    points = triangulate(rays, poses)
    is_seen = np.isfinite(uv[..., 0]).any(axis=1)
    angle = np.zeros(len(points))
    angle[is_seen] = largest_angle_rad(rays[is_seen])
    error_px = reprojection_error_px(points, uv, K, poses, tracks.sigma_px)
    with np.errstate(invalid='ignore'):
        worst = np.nanmax(np.where(np.isnan(error_px), -1.0, error_px), axis=1)
        is_bad = ~(worst <= _MAX_ERROR_PX) | ~(angle >= _MIN_ANGLE_RAD)
    points[is_bad] = np.nan
    return points


def _next_camera(
    tracks: FeatureTracks, points: Float[np.ndarray, 'N 3'], window_from_cam: np.ndarray
) -> int | None:
    """Return the camera that sees most points and has no place yet."""
    has_point = np.isfinite(points[:, 0])
    count = (tracks.is_seen & has_point[:, None]).sum(axis=0)
    count[np.isfinite(window_from_cam[:, 0, 0])] = 0
    row = int(np.argmax(count))
    return row if count[row] >= _MIN_POINTS else None


def _place(
    uv: Float[np.ndarray, 'N 2'], points: Float[np.ndarray, 'N 3'], K: Float[np.ndarray, '3 3']
) -> Float[np.ndarray, '4 4'] | None:
    """Return window_from_cam of a camera from the points that it sees (PnP with RANSAC)."""
    use = np.isfinite(points[:, 0]) & np.isfinite(uv[:, 0])
    found = resected(
        points[use],
        uv[use],
        K,
        max_error_px=_MAX_ERROR_PX,
        min_inliers=_MIN_POINTS,
        num_iterations=_PNP_ITERATIONS,
        confidence=_PNP_CONFIDENCE,
    )
    return None if found is None else se3.inverse(found)
