"""Odometry chain: the camera's trajectory, step by step; it never jumps, and drifts instead."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.rotation import rotation_vector_from_matrix
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import compose, pose_covariance, unknown_pose_covariance
from vggt_ros.mapping.layers.map_update import FrameResult

_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OdometryEstimate:
    """Where the camera is and how it moves, for nav_msgs/Odometry.

    Attributes:
        stamp_ns: Of the image.
        odom_from_cam: (4, 4) rigid; the odometry starts as the map does and is never corrected.
        covariance: (6, 6) x, y, z, rotation about X, Y, Z, axes of the odometry.
        twist: (6,) linear and angular velocity along the camera's axes, map units and radians per
            second, over the last step.
        twist_covariance: (6, 6) of it.
    """

    stamp_ns: int
    odom_from_cam: Float[np.ndarray, '4 4']
    covariance: Float[np.ndarray, '6 6']
    twist: Float[np.ndarray, ' 6']
    twist_covariance: Float[np.ndarray, '6 6']


class OdometryChain:
    """Chains the motions between frames; corrections of the map do not touch it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Start again at the origin."""
        self._pose: Float[np.ndarray, '4 4'] | None = None
        self._covariance = np.zeros((7, 7))
        self._is_broken = False

    def add(self, result: FrameResult) -> OdometryEstimate:
        """Go one frame further.

        Args:
            result: Of the next frame; without a motion to it the pose stays and is a guess from
                then on.
        """
        motion = result.motion
        if self._pose is None:
            self._pose = result.map_from_cam.copy()
        elif motion is None:
            self._is_broken = True
        twist, twist_covariance = np.zeros(6), unknown_pose_covariance()
        if motion is not None:
            step = motion.previous_from_cam
            self._pose = self._pose @ step
            as_sim3 = Sim3(1.0, step[:3, :3], step[:3, 3])
            self._covariance = compose(self._covariance, as_sim3, motion.covariance)
            seconds = (result.frame.stamp_ns - motion.previous_stamp_ns) / _NS_PER_S
            turn = rotation_vector_from_matrix(step[:3, :3])
            # Along the axes that the camera has now.
            twist = np.concatenate([step[:3, :3].T @ step[:3, 3], turn]) / seconds
            twist_covariance = pose_covariance(motion.covariance, np.eye(4)) / seconds**2
        covariance = pose_covariance(self._covariance, self._pose)
        return OdometryEstimate(
            stamp_ns=result.frame.stamp_ns,
            odom_from_cam=self._pose.copy(),
            covariance=unknown_pose_covariance() if self._is_broken else covariance,
            twist=twist,
            twist_covariance=twist_covariance,
        )
