"""A robot that knows where its cameras are, and nothing else."""

from __future__ import annotations

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector


def make_rig(num_cameras: int, baseline_m: float) -> Float[np.ndarray, 'C 4 4']:
    """Return where the cameras of a rig are in the frame of the first one, meters.

    Two look ahead, side by side; further ones look aside, left and right in turn.

    Args:
        num_cameras: C.
        baseline_m: Distance of the first two.
    """
    poses = np.tile(np.eye(4), (num_cameras, 1, 1))
    for camera in range(1, num_cameras):
        side = 1.0 if camera % 2 else -1.0
        row = (camera + 1) // 2
        turn_rad = side * 0.7 * (row - 1 if side > 0 else row)
        poses[camera, :3, :3] = matrix_from_rotation_vector(np.array([0.0, turn_rad, 0.0]))
        poses[camera, :3, 3] = baseline_m * np.array([side * row, 0.0, -0.3 * (row - 1)])
    return poses


class SimulatedRig:
    """Answers as `PosePriors`; the frame of camera i is `camera_i`."""

    def __init__(self, first_from_cam: Float[np.ndarray, 'C 4 4']) -> None:
        """Remember the rig.

        Args:
            first_from_cam: (C, 4, 4) as of `make_rig`.
        """
        self._first_from_cam = {f'camera_{i}': pose for i, pose in enumerate(first_from_cam)}

    def begin_window(self) -> None:
        """Do nothing: every answer is there at once."""

    def odom_from_cam(self, stamp_ns: int, camera_frame: str) -> Float[np.ndarray, '4 4'] | None:
        """Return None: there is no odometry."""
        return None

    def base_from_cam(self, stamp_ns: int, camera_frame: str) -> Float[np.ndarray, '4 4'] | None:
        """Return None: the cameras' height is unknown."""
        return None

    def cam_from_cam(
        self, target_frame: str, source_frame: str, stamp_ns: int
    ) -> Float[np.ndarray, '4 4'] | None:
        """Return where one camera is in another's frame, meters."""
        if not {target_frame, source_frame} <= set(self._first_from_cam):
            return None
        first_from_target = self._first_from_cam[target_frame]
        found: Float[np.ndarray, '4 4'] = (
            se3.inverse(first_from_target) @ self._first_from_cam[source_frame]
        )
        return found

    def up_in_cam(self, stamp_ns: int, camera_frame: str) -> None:
        """Return None: cameras feel no gravity."""

    def depth_m(self, stamp_ns: int, camera: int) -> Float32[np.ndarray, 'h w'] | None:
        """Return None: cameras see no depth."""
        return None
