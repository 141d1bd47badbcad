"""Pose priors: what the rest of the robot knows about its camera."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.mapping.registration.up_direction import UpDirection


@runtime_checkable
class PosePriors(Protocol):
    """Answers by the stamp of an image; None for what is not known, never the newest instead.

    Called from the thread that processes windows; an answer may wait for data on its way, all
    answers about one window together for a limited time.
    """

    def begin_window(self) -> None:
        """Be told that what is asked from now on is about another window."""
        ...

    def odom_from_cam(self, stamp_ns: int, camera_frame: str) -> Float[np.ndarray, '4 4'] | None:
        """Return the pose of a camera in the odometry at a stamp: rigid, meters.

        Args:
            stamp_ns: Stamp of an image, ROS time in nanoseconds.
            camera_frame: Name of the camera's optical frame.
        """
        ...

    def base_from_cam(self, stamp_ns: int, camera_frame: str) -> Float[np.ndarray, '4 4'] | None:
        """Return the pose of a camera on the robot's base, which is z-up: rigid, meters."""
        ...

    def cam_from_cam(
        self, target_frame: str, source_frame: str, stamp_ns: int
    ) -> Float[np.ndarray, '4 4'] | None:
        """Return where one camera of a rig is in another's frame: rigid, constant, meters.

        Args:
            target_frame: Name of the optical frame that coordinates are wanted in.
            source_frame: Name of the optical frame that they are in.
            stamp_ns: Stamp of an image.
        """
        ...

    def up_in_cam(self, stamp_ns: int, camera_frame: str) -> UpDirection | None:
        """Return what gravity says is up, along the axes of a camera at a stamp."""
        ...

    def depth_m(self, stamp_ns: int, camera: int) -> Float32[np.ndarray, 'h w'] | None:
        """Return measured depth of the same view, any size, meters, NaN where there is none.

        Args:
            stamp_ns: Stamp of an image.
            camera: Of which camera.
        """
        ...


class NoPriors:
    """A camera that nothing else is known about."""

    def begin_window(self) -> None:
        """Do nothing."""

    def odom_from_cam(self, stamp_ns: int, camera_frame: str) -> Float[np.ndarray, '4 4'] | None:
        """Return None."""
        return None

    def base_from_cam(self, stamp_ns: int, camera_frame: str) -> Float[np.ndarray, '4 4'] | None:
        """Return None."""
        return None

    def cam_from_cam(
        self, target_frame: str, source_frame: str, stamp_ns: int
    ) -> Float[np.ndarray, '4 4'] | None:
        """Return None."""
        return None

    def up_in_cam(self, stamp_ns: int, camera_frame: str) -> UpDirection | None:
        """Return None."""
        return None

    def depth_m(self, stamp_ns: int, camera: int) -> Float32[np.ndarray, 'h w'] | None:
        """Return None."""
        return None
