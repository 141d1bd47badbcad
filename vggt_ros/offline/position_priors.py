"""Position priors: where keyframes were by something else than images, and where a map fits there.

A similarity brings the map to the positions, whatever some of them say: it is begun by pairs and
triples that are drawn, and ends with weights that let far ones go (Cauchy). What of it the
positions do not determine is told by its covariance: a short way leaves the scale open, and a
straight one how far the map is rolled about it; then up stays where the map has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

from jaxtyping import Float, Int
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.geodetic import LocalFrame
from vggt_ros.geometry.rotation import cross_matrix, matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import align_sim3, Sim3
from vggt_ros.sources.position_fixes import PositionFix

MIN_POSITIONS = 4
# Meters are known, and a turn is, to so much.
MAX_LOG_SIGMA = 0.05
_MAX_ROLL_SIGMA_RAD = math.radians(2.0)
# Median of the distance from the map over the extent of the positions: beyond it they tell of
# another way.
_MAX_MISFIT = 0.2
# Up of the map counts so little that every way that bends overrules it.
_UP_SIGMA_RAD = 0.5
_NUM_DRAWS = 300
_NUM_ROUNDS = 15
# Median of the norm of three normal numbers, and where Cauchy's weight is a half.
_MEDIAN_NORM, _HALF_WEIGHT = 1.538, 2.8
_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PositionPriors:
    """Positions of an antenna, or of what else is fixed to the camera, of n keyframes.

    Attributes:
        rows: (n,) which keyframes, ascending.
        positions: (n, 3) by z-up axes, meters.
        covariances: (n, 3, 3) of them, square meters.
        antenna_in_cam: (n, 3) where it is in the frame of the camera, meters.
        origin: Of the axes, which are east, north and up there.
        is_line: Whether they leave open how far the map is rolled about the way.
    """

    rows: Int[np.ndarray, ' n']
    positions: Float[np.ndarray, 'n 3']
    covariances: Float[np.ndarray, 'n 3 3']
    antenna_in_cam: Float[np.ndarray, 'n 3']
    origin: LocalFrame
    is_line: bool = False

    def centers(self, rotations: Float[np.ndarray, 'n 3 3']) -> Float[np.ndarray, 'n 3']:
        """Return where the cameras were.

        Args:
            rotations: (n, 3, 3) of the cameras by the axes of the positions.
        """
        return self.positions - np.einsum('nij,nj->ni', rotations, self.antenna_in_cam)

    def distances(
        self, enu_from_cam: Float[np.ndarray, 'n 4 4']
    ) -> tuple[Float[np.ndarray, ' n'], Float[np.ndarray, ' n']]:
        """Return how far cameras are from the positions, meters and standard deviations.

        Args:
            enu_from_cam: (n, 4, 4) their poses, meters.
        """
        off = self.centers(enu_from_cam[:, :3, :3]) - enu_from_cam[:, :3, 3]
        in_sigmas = np.einsum('nij,nj->ni', _whitening(self.covariances), off)
        return np.linalg.norm(off, axis=1), np.linalg.norm(in_sigmas, axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """Where a map is by positions.

    Attributes:
        enu_from_map: The similarity; its scale is meters per unit of the map.
        log_sigma: Standard deviation of the log of the scale, as far as errors are independent.
        is_roll_known: Whether positions determine all of the rotation; else up is the map's.
    """

    enu_from_map: Sim3
    log_sigma: float
    is_roll_known: bool


def priors_of(fixes: Sequence[PositionFix | None]) -> PositionPriors | None:
    """Return the positions of keyframes; None if not one is known.

    Args:
        fixes: Of each keyframe; None where not known.
    """
    rows = [row for row, each in enumerate(fixes) if each is not None]
    known = [each for each in fixes if each is not None]
    if not known:
        return None
    return PositionPriors(
        rows=np.array(rows),
        positions=np.stack([each.position for each in known]),
        covariances=np.stack([each.covariance for each in known]),
        antenna_in_cam=np.stack([each.antenna_in_cam for each in known]),
        origin=known[0].origin,
    )


def place(map_from_cam: Float[np.ndarray, 'n 4 4'], priors: PositionPriors) -> Placement:
    """Return where a map is by positions of its keyframes.

    Args:
        map_from_cam: (n, 4, 4) poses in the z-up map, of the keyframes of the priors.
        priors: Their positions.

    Raises:
        AlignmentError: They are too few, or too near to each other, or of another way.
    """
    if len(priors.rows) < MIN_POSITIONS:
        raise AlignmentError(
            f'{len(priors.rows)} keyframes have positions; {MIN_POSITIONS} are needed at least'
        )
    centers = map_from_cam[:, :3, 3]
    whitening = _whitening(priors.covariances)
    targets = priors.positions
    found = _begun(centers, targets, whitening)
    covariance = np.eye(7)
    # The antenna is where the rotation puts it, which is better known each time.
    for _ in range(3):
        targets = priors.centers(found.rotation @ map_from_cam[:, :3, :3])
        found, covariance = _refined(found, centers, targets, whitening)
    log_sigma = math.sqrt(covariance[0, 0])
    off_m = float(np.median(np.linalg.norm(targets - found.apply(centers), axis=1)))
    extent_m = math.sqrt(float(np.trace(np.cov(targets.T))))
    sigma_m = math.sqrt(float(np.median(np.trace(priors.covariances, axis1=1, axis2=2)) / 3.0))
    if off_m > _MAX_MISFIT * extent_m or log_sigma > MAX_LOG_SIGMA:
        raise AlignmentError(
            f'the way is too short, or another one: positions known to {sigma_m:.2g} m extend '
            f'over {extent_m:.2g} m and are {off_m:.2g} m off the map in the middle, so that the '
            f'scale is known to {100 * log_sigma:.2g} % (at most {100 * MAX_LOG_SIGMA:g} %)'
        )
    turn_sigma = math.sqrt(float(np.linalg.eigvalsh(covariance[1:4, 1:4])[-1]))
    return Placement(
        enu_from_map=found, log_sigma=log_sigma, is_roll_known=turn_sigma <= _MAX_ROLL_SIGMA_RAD
    )


def _whitening(covariances: Float[np.ndarray, 'n 3 3']) -> Float[np.ndarray, 'n 3 3']:
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariances)))


def _begun(
    centers: Float[np.ndarray, 'n 3'],
    targets: Float[np.ndarray, 'n 3'],
    whitening: Float[np.ndarray, 'n 3 3'],
) -> Sim3:
    """Return the similarity of a few points that most of the others agree with (least median)."""
    rng = np.random.default_rng(0)
    best, least = None, math.inf
    for draw in range(2 * _NUM_DRAWS):
        rows = rng.choice(len(centers), 2 + draw % 2, replace=False)
        found = _of_few(centers[rows], targets[rows])
        if found is None:
            continue
        off = np.einsum('nij,nj->ni', whitening, targets - found.apply(centers))
        median = float(np.median((off**2).sum(axis=1)))
        if median < least:
            best, least = found, median
    if best is None:
        raise AlignmentError('the keyframes or their positions are all in one place')
    return best


def _of_few(a: Float[np.ndarray, 'k 3'], b: Float[np.ndarray, 'k 3']) -> Sim3 | None:
    """Return the similarity of three points, or of two of which up is the same."""
    if len(a) == 3:
        try:
            return align_sim3(a, b)
        except AlignmentError:
            return None
    way_a, way_b = a[1] - a[0], b[1] - b[0]
    axes_a, axes_b = _axes(way_a), _axes(way_b)
    if axes_a is None or axes_b is None:
        return None
    rotation = axes_b @ axes_a.T
    scale = float(np.linalg.norm(way_b) / np.linalg.norm(way_a))
    return Sim3(scale, rotation, b[0] - scale * (rotation @ a[0]))


def _axes(way: Float[np.ndarray, ' 3']) -> Float[np.ndarray, '3 3'] | None:
    """Return axes along a way and as near to up as can be; None if it goes up, or nowhere."""
    side = np.cross(_UP, way)
    if np.linalg.norm(side) <= 1e-6 * max(float(np.linalg.norm(way)), 1e-9):
        return None
    ahead, left = way / np.linalg.norm(way), side / np.linalg.norm(side)
    return np.stack([ahead, left, np.cross(ahead, left)], axis=1)


def _refined(
    start: Sim3,
    centers: Float[np.ndarray, 'n 3'],
    targets: Float[np.ndarray, 'n 3'],
    whitening: Float[np.ndarray, 'n 3 3'],
) -> tuple[Sim3, Float[np.ndarray, '7 7']]:
    """Return the similarity, and the covariance of log scale, rotation and translation.

    Gauss and Newton's steps with weights of their own. Without what up of the map says, the
    rotation is held so weakly that the covariance says how little is known of it.
    """
    found = start
    covariance = np.eye(7)
    for _ in range(_NUM_ROUNDS):
        turned = found.scale * (centers - centers.mean(axis=0)) @ found.rotation.T
        middle = found.apply(centers.mean(axis=0))
        off = np.einsum('nij,nj->ni', whitening, targets - turned - middle)
        norm = np.linalg.norm(off, axis=1)
        # A map that drifts is farther from all positions than these are from the truth.
        unit = max(1.0, float(np.median(norm)) / _MEDIAN_NORM)
        weights = 1.0 / (1.0 + (norm / (_HALF_WEIGHT * unit)) ** 2)
        jacobian = np.concatenate(
            [turned[:, :, None], -cross_matrix(turned), np.tile(np.eye(3), (len(turned), 1, 1))],
            axis=2,
        )
        jacobian = whitening @ jacobian
        normal = np.einsum('nki,n,nkj->ij', jacobian, weights, jacobian) / unit**2
        right = np.einsum('nki,n,nk->i', jacobian, weights, off) / unit**2
        covariance = np.linalg.inv(normal + np.diag([0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]))
        up = found.rotation @ _UP
        of_up = -cross_matrix(up) / _UP_SIGMA_RAD
        normal[1:4, 1:4] += of_up.T @ of_up
        right[1:4] += of_up.T @ ((_UP - up) / _UP_SIGMA_RAD)
        step = np.linalg.solve(normal + 1e-12 * np.eye(7), right)
        rotation = matrix_from_rotation_vector(step[1:4]) @ found.rotation
        scale = found.scale * math.exp(float(np.clip(step[0], -1.0, 1.0)))
        middle = middle + step[4:]
        found = Sim3(scale, rotation, middle - scale * (rotation @ centers.mean(axis=0)))
    return found, covariance
