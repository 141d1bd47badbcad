"""Frame localizer: the pose of one image among points of keyframes whose poses are known.

The image's features are matched with those of keyframes, whose points are known from their depth;
the pose that sees them where they were found is adjusted alone, the points stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project
from vggt_ros.geometry.robust import huber_weights
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.mapping.refinement.features import Features
from vggt_ros.mapping.refinement.matches import match_features
from vggt_ros.mapping.refinement.pair_verification import KeyframeView
from vggt_ros.mapping.refinement.resection import resected

# Fewer points than this agree with some pose by chance.
MIN_INLIERS = 20
# Part of the matches that has to fit.
_MIN_SHARE = 0.4
# Cells, across and down, of which so many have to hold inliers.
_GRID, _MIN_CELLS = (6, 4), 6
# A point is where it is seen to within this; wide while the pose is not adjusted yet.
_MAX_ERROR_RAD, _MIN_ERROR_PX = 0.004, 2.0
_WIDE = 4.0
_HUBER_SHARE = 0.5
_ROUNDS, _STEPS = 3, 5
_PNP_ITERATIONS, _PNP_CONFIDENCE = 200, 0.999
_EPS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LocalizedFrame:
    """A pose that the image confirms.

    Attributes:
        map_from_cam: (4, 4) rigid.
        num_inliers: Points that are where the pose says.
        median_px: Their median reprojection error.
    """

    map_from_cam: Float[np.ndarray, '4 4']
    num_inliers: int
    median_px: float


def localize(
    features: Features,
    K: Float[np.ndarray, '3 3'],
    image_size: tuple[int, int],
    keyframes: Sequence[KeyframeView],
    start: Float[np.ndarray, '4 4'] | None,
) -> LocalizedFrame | None:
    """Return the pose of an image that the points of keyframes confirm; None if they do not.

    Motion-only bundle adjustment: Gauss and Newton on the reprojection errors of one camera with
    Huber's weights, from `start` where it explains the matches, else from RANSAC around SQPnP
    (Terzakis and Lourakis, ECCV 2020).

    Args:
        features: Of the image.
        K: (3, 3) intrinsics of the image, pixels.
        image_size: Its width and height.
        keyframes: With their poses and points in the map.
        start: (4, 4) map_from_cam, roughly; None if nothing is known.
    """
    points, uv = _matched(features, keyframes)
    if len(points) < MIN_INLIERS:
        return None
    limit_px = max(_MIN_ERROR_PX, _MAX_ERROR_RAD * float(K[0, 0]))
    cam_from_map = None if start is None else se3.inverse(start)
    if cam_from_map is None or not _explains(cam_from_map, points, uv, K, _WIDE * limit_px):
        cam_from_map = _pnp(points, uv, K, _WIDE * limit_px)
        if cam_from_map is None:
            return None
    for k in range(_ROUNDS):
        wide_px = limit_px * _WIDE ** (1.0 - k / (_ROUNDS - 1))
        is_inlier = _errors_px(cam_from_map, points, uv, K) <= wide_px
        if int(is_inlier.sum()) < MIN_INLIERS:
            return None
        cam_from_map = _adjusted(
            cam_from_map, points[is_inlier], uv[is_inlier], K, _HUBER_SHARE * limit_px
        )
    errors_px = _errors_px(cam_from_map, points, uv, K)
    is_inlier = errors_px <= limit_px
    if not _is_enough(is_inlier, uv, image_size):
        return None
    return LocalizedFrame(
        map_from_cam=se3.inverse(cam_from_map),
        num_inliers=int(is_inlier.sum()),
        median_px=float(np.median(errors_px[is_inlier])),
    )


def _matched(
    features: Features, keyframes: Sequence[KeyframeView]
) -> tuple[Float[np.ndarray, 'm 3'], Float[np.ndarray, 'm 2']]:
    """Return points in the map and the pixels at which the image shows them."""
    points, pixels = [np.zeros((0, 3))], [np.zeros((0, 2))]
    for view in keyframes:
        rows, stored = match_features(features, view.features.unpacked()).T
        use = view.features.has_point[stored]
        in_cam = view.features.points_in_cam[stored[use]].astype(np.float64)
        points.append(se3.transform(view.place_from_cam, in_cam))
        pixels.append(features.uv[rows[use]].astype(np.float64))
    return np.concatenate(points), np.concatenate(pixels)


def _explains(
    cam_from_map: Float[np.ndarray, '4 4'],
    points: Float[np.ndarray, 'm 3'],
    uv: Float[np.ndarray, 'm 2'],
    K: Float[np.ndarray, '3 3'],
    limit_px: float,
) -> bool:
    fits = _errors_px(cam_from_map, points, uv, K) <= limit_px
    return int(fits.sum()) >= max(MIN_INLIERS, len(points) // 2)


def _errors_px(
    cam_from_map: Float[np.ndarray, '4 4'],
    points: Float[np.ndarray, 'm 3'],
    uv: Float[np.ndarray, 'm 2'],
    K: Float[np.ndarray, '3 3'],
) -> Float[np.ndarray, ' m']:
    error = np.linalg.norm(project(se3.transform(cam_from_map, points), K) - uv, axis=1)
    return np.where(np.isfinite(error), error, np.inf)  # behind the camera


def _pnp(
    points: Float[np.ndarray, 'm 3'],
    uv: Float[np.ndarray, 'm 2'],
    K: Float[np.ndarray, '3 3'],
    limit_px: float,
) -> Float[np.ndarray, '4 4'] | None:
    return resected(
        points,
        uv,
        K,
        max_error_px=limit_px,
        min_inliers=MIN_INLIERS,
        num_iterations=_PNP_ITERATIONS,
        confidence=_PNP_CONFIDENCE,
    )


def _adjusted(
    cam_from_map: Float[np.ndarray, '4 4'],
    points: Float[np.ndarray, 'm 3'],
    uv: Float[np.ndarray, 'm 2'],
    K: Float[np.ndarray, '3 3'],
    huber_px: float,
) -> Float[np.ndarray, '4 4']:
    """Return the pose with the least robust reprojection error."""
    for _ in range(_STEPS):
        in_cam = se3.transform(cam_from_map, points)
        residual = project(in_cam, K) - uv
        use = np.isfinite(residual).all(axis=1)
        residual, (x, y, z) = residual[use], in_cam[use].T
        weight = np.sqrt(huber_weights(np.linalg.norm(residual, axis=1), huber_px))
        projected = np.zeros((len(x), 2, 3))
        projected[:, 0, 0], projected[:, 0, 1] = K[0, 0] / z, K[0, 1] / z
        projected[:, 0, 2] = -(K[0, 0] * x + K[0, 1] * y) / z**2
        projected[:, 1, 1], projected[:, 1, 2] = K[1, 1] / z, -K[1, 1] * y / z**2
        # A small error on the left: x_in_cam + rotation x x_in_cam + translation.
        moved = np.zeros((len(x), 3, 6))
        moved[:, 0, 1], moved[:, 0, 2] = z, -y
        moved[:, 1, 0], moved[:, 1, 2] = -z, x
        moved[:, 2, 0], moved[:, 2, 1] = y, -x
        moved[:, :, 3:] = np.eye(3)
        J = (weight[:, None, None] * (projected @ moved)).reshape(-1, 6)
        right = (weight[:, None] * residual).ravel()
        size = np.maximum(np.linalg.norm(J, axis=0), _EPS)
        step = -np.linalg.lstsq(J / size, right, rcond=None)[0] / size
        correction = se3.rigid(matrix_from_rotation_vector(step[:3]), step[3:])
        cam_from_map = correction @ cam_from_map
        if float(np.abs(step[:3]).max()) < 1e-6:
            break
    return cam_from_map


def _is_enough(
    is_inlier: Bool[np.ndarray, ' m'], uv: Float[np.ndarray, 'm 2'], image_size: tuple[int, int]
) -> bool:
    num_inliers = int(is_inlier.sum())
    if num_inliers < MIN_INLIERS or num_inliers < _MIN_SHARE * len(uv):
        return False
    cell = np.floor((uv[is_inlier] + 0.5) * np.array(_GRID) / np.array(image_size)).astype(int)
    return len(np.unique(cell[:, 1] * _GRID[0] + cell[:, 0])) >= _MIN_CELLS
