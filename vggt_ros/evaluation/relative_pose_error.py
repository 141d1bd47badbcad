"""Relative pose error: the drift of a trajectory over a given path length."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import rotation_angle


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativePoseError:
    """Drift over pieces of the true path that are `delta_m` long.

    Attributes:
        delta_m: Length of the pieces.
        num_pairs: Pieces; one begins at every pose that is far enough from the end.
        translation_m: Root mean square of the translation errors.
        translation_percent: The same in percent of `delta_m`.
        rotation_deg: Root mean square of the rotation errors.
    """

    delta_m: float
    num_pairs: int
    translation_m: float
    translation_percent: float
    rotation_deg: float


def relative_pose_error(
    estimated: Float[np.ndarray, 'N 4 4'], true: Float[np.ndarray, 'N 4 4'], delta_m: float
) -> RelativePoseError:
    """Compare the motions over pieces of the path.

    The relative pose error of Sturm et al., "A Benchmark for the Evaluation of RGB-D SLAM
    Systems", IROS 2012, section VI-A, equation 4, with pieces of the path instead of pieces of
    time: a robot that stands still does not drift. A transform common to all estimated
    poses does not matter, a scale does.

    Args:
        estimated: (N, 4, 4) rigid poses in the unit of the truth.
        true: (N, 4, 4) rigid poses at the same times.
        delta_m: Length of a piece, positive.

    Raises:
        AlignmentError: The path is shorter than a piece.
    """
    steps_m = np.linalg.norm(np.diff(true[:, :3, 3], axis=0), axis=1)
    way_m = np.concatenate([[0.0], np.cumsum(steps_m)])
    end = np.searchsorted(way_m, way_m + delta_m)
    start = np.flatnonzero(end < len(way_m))
    if not len(start):
        raise AlignmentError(
            f'the way is {way_m[-1]:.3g} m long, shorter than a piece of {delta_m:g} m; take a '
            f'shorter one'
        )
    end = end[start]
    estimated_motion = se3.inverse(estimated[start]) @ estimated[end]
    true_motion = se3.inverse(true[start]) @ true[end]
    error = se3.inverse(true_motion) @ estimated_motion
    translation_m = float(np.sqrt((error[:, :3, 3] ** 2).sum(axis=1).mean()))
    rotation_rad = float(np.sqrt((rotation_angle(error[:, :3, :3]) ** 2).mean()))
    return RelativePoseError(
        delta_m=delta_m,
        num_pairs=len(start),
        translation_m=translation_m,
        translation_percent=100.0 * translation_m / delta_m,
        rotation_deg=float(np.degrees(rotation_rad)),
    )
