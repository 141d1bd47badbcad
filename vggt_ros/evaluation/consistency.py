"""Consistency of covariances: whether poses are as far off as they are said to be."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.evaluation.course_run import CourseRun
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import rotation_vector_from_matrix
from vggt_ros.geometry.uncertainty import UNKNOWN_VARIANCE
from vggt_ros.synthetic.course import Course


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NormalizedErrors:
    """Squared errors of N published poses in units of their covariances.

    Each is distributed as chi-square with 3 degrees of freedom if the covariances are true
    (Bar-Shalom, Li and Kirubarajan, "Estimation with Applications to Tracking and Navigation",
    section 5.4: the normalized estimation error squared).

    Attributes:
        frame_index: (N,) numbers of their frames.
        position: (N,) of the position.
        rotation: (N,) of the orientation.
    """

    frame_index: np.ndarray
    position: Float[np.ndarray, ' N']
    rotation: Float[np.ndarray, ' N']


def normalized_errors(
    course: Course, run: CourseRun, units_per_meter: float = 1.0
) -> NormalizedErrors:
    """Return how far published poses are from the truth, by what is said about them.

    The map is where its first camera says: that is what poses and their covariances refer to.
    The first pose and those without a known covariance are left out.

    Args:
        course: The truth.
        run: What was published.
        units_per_meter: Of the map.
    """
    truth = course.world_from_cam[run.frame_index]
    first_from_cam = se3.inverse(truth[0]) @ truth
    published = se3.inverse(run.published[0]) @ run.published
    # Published covariances have the axes of the map.
    map_from_first = run.published[0, :3, :3]
    shifts = (units_per_meter * first_from_cam[:, :3, 3] - published[:, :3, 3]) @ map_from_first.T
    turns = first_from_cam[:, :3, :3] @ np.swapaxes(published[:, :3, :3], 1, 2)
    turned = rotation_vector_from_matrix(map_from_first @ turns @ map_from_first.T)
    use = run.covariances[:, 0, 0] < UNKNOWN_VARIANCE
    use[0] = False
    covariances = run.covariances[use]
    return NormalizedErrors(
        frame_index=run.frame_index[use],
        position=_normalized(shifts[use], covariances[:, :3, :3]),
        rotation=_normalized(turned[use], covariances[:, 3:, 3:]),
    )


def _normalized(
    errors: Float[np.ndarray, 'N 3'], covariances: Float[np.ndarray, 'N 3 3']
) -> Float[np.ndarray, ' N']:
    solved = np.linalg.solve(covariances, errors[..., None])[..., 0]
    return (errors * solved).sum(axis=1)
