"""Prior of cameras from a network: as sure as what the tracks determine shows it to be.

Tracks determine some directions of the cameras of a window well, others hardly: along the axis
for a camera that moves forward, or a rotation against a translation in front of a wall. In
the former a difference is the network's error, in the latter it may be noise of the tracks.
Empirical Bayes (Efron and Morris, "Stein's Estimation Rule and Its Competitors", JASA 1973): the
former tell how far off this network is in this window, and with that the latter are drawn to it.
"""

from __future__ import annotations

import itertools

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import nearest_rotation, rotation_vector_from_matrix
from vggt_ros.mapping.refinement.bundle_adjustment import Geometry, PosePrior

# Standard deviations that are tried: radians, and parts of the median depth.
_ROTATION_SIGMAS_RAD = np.radians(np.geomspace(0.02, 20.0, 11))
_TRANSLATION_SIGMAS = np.geomspace(0.0005, 0.5, 11)
# Position, orientation and scale of a whole window are free.
_NUM_GAUGE = 7
_DAMPING = 1e-9


def network_pose_priors(
    geometry: Geometry,
    network: Float[np.ndarray, 'S 4 4'],
    is_inlier: Bool[np.ndarray, 'N S'],
    noise_px: float,
    sigma_px: Float[np.ndarray, ' N'] | float = 1.0,
) -> list[PosePrior]:
    """Return what the network says of the cameras, and how sure that is.

    Args:
        geometry: Adjusted cameras and points, in the unit of the network.
        network: (S, 4, 4) its cameras.
        is_inlier: Observations that count; cameras without any get no prior.
        noise_px: Standard deviation of an observation along each axis, over `sigma_px`.
        sigma_px: What it is taken for, of each track or of all.

    Returns:
        Priors beside observations whose standard deviation is taken for `sigma_px`, as it is in
        `adjust`; none for a single camera.
    """
    rows = np.flatnonzero(is_inlier.any(axis=0))
    used = is_inlier.any(axis=1) & np.isfinite(geometry.points[:, 0])
    if len(rows) < 2 or not used.any():
        return []
    poses = geometry.window_from_cam[rows]
    points_in_cam = np.einsum(
        'sij,nsj->nsi',
        np.swapaxes(poses[:, :3, :3], 1, 2),
        geometry.points[used, None] - poses[None, :, :3, 3],
    )
    inlier = is_inlier[used][:, rows] & (points_in_cam[..., 2] > 0)
    depth = float(np.median(points_in_cam[..., 2][inlier]))
    near = _aligned(network[rows], poses)
    sigma_px = np.broadcast_to(sigma_px, len(used))[used]
    information = camera_information(poses, geometry.K[rows], points_in_cam, inlier, sigma_px)
    off = _difference(poses, near)
    scale = np.tile([1.0] * 3 + [depth] * 3, len(rows))
    sigmas = _likeliest(information * np.outer(scale, scale) / noise_px**2, off.ravel() / scale)
    return [
        PosePrior(
            row=int(row),
            window_from_cam=pose,
            rotation_sigma_rad=sigmas[0] / noise_px,
            translation_sigma=sigmas[1] * depth / noise_px,
        )
        for row, pose in zip(rows, near, strict=True)
    ]


def camera_information(
    window_from_cam: Float[np.ndarray, 'S 4 4'],
    K: Float[np.ndarray, 'S 3 3'],
    points_in_cam: Float[np.ndarray, 'N S 3'],
    is_inlier: Bool[np.ndarray, 'N S'],
    sigma_px: Float[np.ndarray, ' N'] | float = 1.0,
) -> np.ndarray:
    """Return what observations with so much noise say of the cameras, points eliminated.

    Args:
        window_from_cam: (S, 4, 4) poses.
        K: (S, 3, 3) intrinsics.
        points_in_cam: (N, S, 3) points as every camera has them.
        is_inlier: Observations that count.
        sigma_px: Their standard deviation, of each track or of all.

    Returns:
        (6 S, 6 S) for rotations and translations of the cameras in their own frames (Hartley and
        Zisserman, 2nd ed., appendix 6.3.1).
    """
    x, y, z = np.moveaxis(np.where(is_inlier[..., None], points_in_cam, 1.0), -1, 0)
    zero = np.zeros_like(x)
    by_point = np.stack(
        [
            np.stack([K[:, 0, 0] / z, zero, -K[:, 0, 0] * x / z**2], axis=-1),
            np.stack([zero, K[:, 1, 1] / z, -K[:, 1, 1] * y / z**2], axis=-1),
        ],
        axis=-2,
    )
    by_point *= (is_inlier / np.reshape(sigma_px, (-1, 1)))[..., None, None]
    across = np.stack(
        [
            np.stack([zero, -z, y], axis=-1),
            np.stack([z, zero, -x], axis=-1),
            np.stack([-y, x, zero], axis=-1),
        ],
        axis=-2,
    )
    of_camera = np.concatenate([by_point @ across, -by_point], axis=-1)
    of_point = by_point @ np.swapaxes(window_from_cam[:, :3, :3], 1, 2)
    point_block = np.einsum('nsai,nsaj->nij', of_point, of_point)
    size = np.trace(point_block, axis1=1, axis2=2)[:, None, None]
    point_block += np.eye(3) * (_DAMPING * size + 1e-15)
    between = np.einsum('nsai,nsaj->nsij', of_camera, of_point)
    count = len(K)
    flat = between.reshape(len(between), 6 * count, 3)
    information = -np.tensordot(flat @ np.linalg.inv(point_block), flat, axes=([0, 2], [0, 2]))
    own = np.einsum('nsai,nsaj->sij', of_camera, of_camera)
    for i in range(count):
        information[6 * i : 6 * i + 6, 6 * i : 6 * i + 6] += own[i]
    return information


def _aligned(
    network: Float[np.ndarray, 'S 4 4'], poses: Float[np.ndarray, 'S 4 4']
) -> Float[np.ndarray, 'S 4 4']:
    """Bring the network's cameras to the others as a whole, without a change of unit."""
    turn = nearest_rotation(
        np.einsum('sij,skj->ik', poses[:, :3, :3], network[:, :3, :3])
        + 1e-9 * poses[0, :3, :3] @ network[0, :3, :3].T
    )
    shift = (poses[:, :3, 3] - network[:, :3, 3] @ turn.T).mean(axis=0)
    return se3.rigid(turn, shift) @ network


def _difference(
    poses: Float[np.ndarray, 'S 4 4'], near: Float[np.ndarray, 'S 4 4']
) -> Float[np.ndarray, 'S 6']:
    between = se3.inverse(poses) @ near
    turn = rotation_vector_from_matrix(between[:, :3, :3])
    return np.concatenate([turn, between[:, :3, 3]], axis=1)


def _likeliest(
    information: np.ndarray, difference: Float[np.ndarray, ' n']
) -> tuple[float, float]:
    """Return the standard deviations with which the differences are likeliest."""
    value, vector = np.linalg.eigh(information)
    value, vector = value[_NUM_GAUGE:], vector[:, _NUM_GAUGE:]
    noise = np.diag(1.0 / np.maximum(value, 1e-12 * value[-1]))
    seen = vector.T @ difference
    is_turn = np.tile([True] * 3 + [False] * 3, len(difference) // 6)
    by_turn = vector[is_turn].T @ vector[is_turn]
    by_shift = vector[~is_turn].T @ vector[~is_turn]

    def unlikely(sigmas: tuple[float, float]) -> float:
        covariance = sigmas[0] ** 2 * by_turn + sigmas[1] ** 2 * by_shift + noise
        _, log_volume = np.linalg.slogdet(covariance)
        return float(log_volume) + float(seen @ np.linalg.solve(covariance, seen))

    return min(itertools.product(_ROTATION_SIGMAS_RAD, _TRANSLATION_SIGMAS), key=unlikely)
