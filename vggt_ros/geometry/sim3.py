"""Similarity transforms of 3D space, Sim(3), and their estimate from matched points."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError

# Spread beside the first axis, in rounding errors of the coordinates, below which it is none.
_MIN_SPREAD_EPS = 1e3


@dataclass(frozen=True, slots=True, eq=False)
class Sim3:
    """A similarity `b_from_a`: x_in_b = scale * rotation @ x_in_a + translation.

    Attributes:
        scale: Units of frame b per unit of frame a, positive.
        rotation: (3, 3), orthonormal with determinant +1.
        translation: (3,), in the units of frame b.
    """

    scale: float
    rotation: Float[np.ndarray, '3 3']
    translation: Float[np.ndarray, ' 3']

    def __matmul__(self, other: Sim3) -> Sim3:
        """Compose: c_from_a = c_from_b @ b_from_a."""
        return Sim3(
            self.scale * other.scale,
            self.rotation @ other.rotation,
            self.apply(other.translation),
        )

    def apply(self, points_in_a: Float[np.ndarray, '*n 3']) -> Float[np.ndarray, '*n 3']:
        """Map points from frame a to frame b."""
        return self.scale * (points_in_a @ self.rotation.T) + self.translation

    def apply_to_pose(
        self, a_from_cam: Float[np.ndarray, '*n 4 4']
    ) -> Float[np.ndarray, '*n 4 4']:
        """Map rigid camera poses from frame a to frame b; the poses stay rigid.

        The camera's own unit changes with the scale: lengths in the camera's frame must be
        multiplied by it, too.
        """
        b_from_cam = np.array(a_from_cam, dtype=np.float64)
        b_from_cam[..., :3, :3] = self.rotation @ b_from_cam[..., :3, :3]
        b_from_cam[..., :3, 3] = self.apply(b_from_cam[..., :3, 3])
        return b_from_cam

    def inverse(self) -> Sim3:
        """Return `a_from_b`."""
        rotation = self.rotation.T
        return Sim3(1.0 / self.scale, rotation, -(rotation @ self.translation) / self.scale)


def align_sim3(
    points_in_a: Float[np.ndarray, 'n 3'],
    points_in_b: Float[np.ndarray, 'n 3'],
    weights: Float[np.ndarray, ' n'] | None = None,
) -> Sim3:
    """Return the similarity `b_from_a` that fits matched points best.

    Minimizes the weighted mean of ||x_b - (s R x_a + t)||^2 in closed form (Umeyama,
    "Least-squares estimation of transformation parameters between two point patterns", PAMI
    1991; equation numbers below).

    Args:
        points_in_a: (n, 3) points in frame a, n >= 3.
        points_in_b: (n, 3) the same points in frame b, row by row.
        weights: (n,) not negative, with a positive sum; None for all alike.

    Raises:
        AlignmentError: Fewer than three points, numbers that are not finite, or all points on
            one line.
    """
    return _align(points_in_a, points_in_b, weights, with_scale=True)


def align_se3(
    points_in_a: Float[np.ndarray, 'n 3'], points_in_b: Float[np.ndarray, 'n 3']
) -> Sim3:
    """Return the best rigid transform `b_from_a`, as `align_sim3` with the scale held at 1.

    Raises:
        AlignmentError: As `align_sim3`.
    """
    return _align(points_in_a, points_in_b, None, with_scale=False)


def _align(
    points_in_a: Float[np.ndarray, 'n 3'],
    points_in_b: Float[np.ndarray, 'n 3'],
    weights: Float[np.ndarray, ' n'] | None,
    *,
    with_scale: bool,
) -> Sim3:
    n = len(points_in_a)
    if n < 3:
        raise AlignmentError(f'an alignment needs at least 3 matched points; got {n}')
    if not (np.isfinite(points_in_a).all() and np.isfinite(points_in_b).all()):
        raise AlignmentError('points to align must be finite; drop the pairs that are not')

    share = np.full(n, 1.0 / n) if weights is None else weights / weights.sum()
    mean_a = share @ points_in_a  # (34)
    mean_b = share @ points_in_b  # (35)
    centered_a, centered_b = points_in_a - mean_a, points_in_b - mean_b
    if _is_line(points_in_a, centered_a) or _is_line(points_in_b, centered_b):
        raise AlignmentError(
            'the points are collinear and leave the rotation open; use points off the line'
        )

    variance_a = float(share @ (centered_a**2).sum(axis=1))  # (36)
    u, singular, vt = np.linalg.svd((centered_b * share[:, None]).T @ centered_a)  # of (38)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])  # (39), (43)
    rotation = (u * sign) @ vt  # (40)
    scale = float((singular * sign).sum()) / variance_a if with_scale else 1.0  # (42)
    return Sim3(scale, rotation, mean_b - scale * (rotation @ mean_a))  # (41)


def _is_line(points: Float[np.ndarray, 'n 3'], centered: Float[np.ndarray, 'n 3']) -> bool:
    # Relative to the size of the coordinates, so that rounding does not pass for a second axis.
    limit = _MIN_SPREAD_EPS * np.finfo(points.dtype).eps * float(np.abs(points).max())
    return bool(np.linalg.svd(centered, compute_uv=False)[1] <= limit)
