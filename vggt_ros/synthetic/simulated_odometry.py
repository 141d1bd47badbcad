"""Simulated odometry: a robot's wheels on a course, with a scale of their own, and drift."""

from __future__ import annotations

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.synthetic.course import Course

_DRIFT_LENGTH_M = 10.0


class SimulatedOdometry:
    """Answers as `PosePriors` for the frames of a course, which are stamped at an even rate.

    Steps are too long by one factor, and the heading wanders.
    """

    def __init__(
        self,
        course: Course,
        *,
        drift: float = 0.02,
        scale_error: float = 0.01,
        period_ns: int = 100_000_000,
        seed: int = 0,
    ) -> None:
        """Make the odometry up.

        Args:
            course: What is true.
            drift: Error of position after a straight path of 10 m, in parts of its length.
            scale_error: Relative error of all lengths.
            period_ns: Between two frames; the first one is stamped with one period.
            seed: The same seed gives the same odometry.
        """
        rng = np.random.default_rng([seed, 17])
        self._period_ns = period_ns
        poses = course.world_from_cam
        steps = se3.inverse(poses[:-1]) @ poses[1:]
        lengths_m = np.linalg.norm(steps[:, :3, 3], axis=1)
        self.path_length_m = float(lengths_m.sum())
        steps[:, :3, 3] *= 1.0 + scale_error
        # A heading that wanders by so much per root of a meter puts the end of a straight path of
        # that length beside the truth by `drift` of it.
        wander_rad = np.sqrt(3.0 / _DRIFT_LENGTH_M) * drift
        yaw_rad = np.cumsum(wander_rad * np.sqrt(lengths_m) * rng.normal(size=len(steps)))
        self._odom_from_cam = _chained(poses[0], steps, yaw_rad)

    def begin_window(self) -> None:
        """Do nothing: every answer is there at once."""

    def odom_from_cam(self, stamp_ns: int, camera_frame: str) -> Float[np.ndarray, '4 4'] | None:
        """Return the pose at a stamp of a frame; None at any other."""
        index, rest = divmod(stamp_ns, self._period_ns)
        if rest or not 1 <= index <= len(self._odom_from_cam):
            return None
        return self._odom_from_cam[index - 1].copy()

    def base_from_cam(self, stamp_ns: int, camera_frame: str) -> Float[np.ndarray, '4 4'] | None:
        """Return None: it is not asked for while there is odometry."""
        return None

    def cam_from_cam(
        self, target_frame: str, source_frame: str, stamp_ns: int
    ) -> Float[np.ndarray, '4 4'] | None:
        """Return None: there is one camera."""
        return None

    def up_in_cam(self, stamp_ns: int, camera_frame: str) -> None:
        """Return None: wheels feel no gravity."""

    def depth_m(self, stamp_ns: int, camera: int) -> Float32[np.ndarray, 'h w'] | None:
        """Return None: wheels see no depth."""
        return None


def _chained(
    first: Float[np.ndarray, '4 4'],
    steps: Float[np.ndarray, 'n 4 4'],
    yaw_rad: Float[np.ndarray, ' n'],
) -> Float[np.ndarray, 'm 4 4']:
    """Return the poses after the steps, each turned about the vertical by its yaw error."""
    poses = [first]
    true = first
    position = first[:3, 3].copy()
    up = np.array([0.0, 0.0, 1.0])
    for step, yaw in zip(steps, yaw_rad, strict=True):
        turn = matrix_from_rotation_vector(yaw * up)
        position = position + turn @ (true[:3, :3] @ step[:3, 3])
        true = true @ step
        poses.append(se3.rigid(turn @ true[:3, :3], position))
    return np.stack(poses)
