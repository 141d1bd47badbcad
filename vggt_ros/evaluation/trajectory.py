"""Absolute trajectory error: a trajectory against the true one, after alignment."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.rotation import angle_between
from vggt_ros.geometry.sim3 import align_se3, align_sim3, Sim3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrajectoryError:
    """Error of a trajectory after the best similarity, or rigid transform, to the truth.

    Attributes:
        ate_m: Root mean square of the position errors, in the units of the truth.
        ate_percent: The same in percent of the length of the true path.
        rotation_deg: Median angle between estimated and true orientation.
        path_length_m: Length of the true path.
        truth_from_map: What was removed; its scale is 1 for a rigid transform.
        one_place_m: What `ate_m` would be if all cameras were said to be in one place: root mean
            square of the distances of the true positions from their mean. No similarity does
            better with a trajectory that says nothing.
        extent_m: Largest distance of two true positions.
    """

    ate_m: float
    ate_percent: float
    rotation_deg: float
    path_length_m: float
    truth_from_map: Sim3
    one_place_m: float
    extent_m: float

    @property
    def percent_of_one_place(self) -> float:
        """`ate_m` in percent of `one_place_m`: 100 is the score of knowing nothing."""
        return _percent(self.ate_m, self.one_place_m)

    @property
    def percent_of_extent(self) -> float:
        """`ate_m` in percent of `extent_m`."""
        return _percent(self.ate_m, self.extent_m)


def trajectory_error(
    map_from_cam: Float[np.ndarray, 'N 4 4'],
    truth_from_cam: Float[np.ndarray, 'N 4 4'],
    *,
    with_scale: bool = True,
) -> TrajectoryError:
    """Compare poses with the true ones, row by row.

    The absolute trajectory error of Sturm et al., "A Benchmark for the Evaluation of RGB-D SLAM
    Systems", IROS 2012, section VI-B; after a similarity where the scale is not known, as a
    single camera does not see it.

    Args:
        map_from_cam: (N, 4, 4) estimated camera poses, N >= 3.
        truth_from_cam: (N, 4, 4) true camera poses at the same stamps.
        with_scale: False to hold an estimate in meters to its scale.

    Raises:
        AlignmentError: Fewer than three poses, or all positions on one line.
    """
    align = align_sim3 if with_scale else align_se3
    truth_from_map = align(map_from_cam[:, :3, 3], truth_from_cam[:, :3, 3])
    centers = truth_from_cam[:, :3, 3]
    residuals = truth_from_map.apply(map_from_cam[:, :3, 3]) - centers
    ate_m = float(np.sqrt((residuals**2).sum(axis=1).mean()))
    steps = np.diff(centers, axis=0)
    path_length_m = float(np.linalg.norm(steps, axis=1).sum())
    angles_rad = [
        angle_between(truth_from_map.rotation @ estimated[:3, :3], true[:3, :3])
        for estimated, true in zip(map_from_cam, truth_from_cam, strict=True)
    ]
    return TrajectoryError(
        ate_m=ate_m,
        ate_percent=_percent(ate_m, path_length_m),
        rotation_deg=float(np.degrees(np.median(angles_rad))),
        path_length_m=path_length_m,
        truth_from_map=truth_from_map,
        one_place_m=float(np.sqrt(((centers - centers.mean(axis=0)) ** 2).sum(axis=1).mean())),
        extent_m=_extent_m(centers),
    )


def _extent_m(centers: Float[np.ndarray, 'N 3']) -> float:
    # Row by row: all pairs of a long path at once would not fit into memory.
    return max(float(np.linalg.norm(centers - center, axis=1).max()) for center in centers)


def _percent(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole > 0 else float('nan')
