"""Pose priors from TF, a depth topic and an IMU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
import time

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.geometry.plausible import MAX_LENGTH_M, MAX_MOUNT_M
from vggt_ros.mapping.registration.up_direction import UpDirection
from vggt_ros.ros.tf.tf_listener import TfListener
from vggt_ros.ros.tf.tf_mode import TfKnowledge
from vggt_ros.ros.tf.tf_patience import TfPatience
from vggt_ros.ros.tf.tf_rig import TfRig
from vggt_ros.settings.world_config import FrameSettings, TfSettings

UpOf = Callable[[int, str], UpDirection | None]
DepthOf = Callable[[int, int], Float32[np.ndarray, 'h w'] | None]


class TfPosePriors:
    """Answers as `PosePriors`; called from the thread that processes windows.

    Attributes:
        settings: `tf.*`.
    """

    def __init__(
        self,
        listener: TfListener,
        frames: FrameSettings,
        settings: TfSettings,
        depth_m: DepthOf,
        up_in_cam: UpOf,
        warn: Callable[[str], object],
    ) -> None:
        """Ask nothing yet.

        Args:
            listener: Knows the transforms.
            frames: Names of the odometry's frame and of the base.
            settings: How long to wait.
            depth_m: Returns the measured depth at a stamp of a camera, or None.
            up_in_cam: Returns what gravity says is up at a stamp along a camera's axes.
            warn: Told which camera TF does not know.
        """
        self.settings = settings
        self._listener = listener
        self._frames = frames
        self._depth_m = depth_m
        self._up_in_cam = up_in_cam
        self._rig = TfRig(listener, warn)
        self._patience = TfPatience(settings.lookup_timeout)

    def begin_window(self) -> None:
        """Be ready to wait again, `tf.lookup_timeout` for all answers about a window together."""
        self._patience.begin(self.settings.lookup_timeout)

    def odom_from_cam(self, stamp_ns: int, camera_frame: str) -> Float[np.ndarray, '4 4'] | None:
        """Return the pose of a camera in the odometry at a stamp: rigid, meters."""
        return self._lookup(self._frames.odom, camera_frame, stamp_ns, MAX_LENGTH_M)

    def base_from_cam(self, stamp_ns: int, camera_frame: str) -> Float[np.ndarray, '4 4'] | None:
        """Return the pose of a camera on the base: rigid, meters."""
        return self._lookup(self._frames.base, camera_frame, stamp_ns, MAX_MOUNT_M)

    def knowledge(self, stamp_ns: int, camera_frame: str) -> TfKnowledge:
        """Return what TF knows of a camera, at a stamp and lately."""
        return TfKnowledge(
            has_odom=self.odom_from_cam(stamp_ns, camera_frame) is not None,
            has_base=self.base_from_cam(stamp_ns, camera_frame) is not None,
            odom_is_sent=self._listener.parents.is_below(camera_frame, self._frames.odom),
            base_is_sent=self._listener.parents.is_below(camera_frame, self._frames.base),
        )

    def odom_from_base(self, stamp_ns: int) -> Float[np.ndarray, '4 4'] | None:
        """Return the pose of the base in the odometry at a stamp."""
        return self._lookup(self._frames.odom, self._frames.base, stamp_ns, MAX_LENGTH_M)

    def cam_from_cam(
        self, target_frame: str, source_frame: str, stamp_ns: int
    ) -> Float[np.ndarray, '4 4'] | None:
        """Return where one camera is in another's frame: rigid, meters; asked of TF once."""
        return self._rig.cam_from_cam(target_frame, source_frame, stamp_ns)

    def up_in_cam(self, stamp_ns: int, camera_frame: str) -> UpDirection | None:
        """Return what gravity says is up, along the axes of a camera at a stamp."""
        return self._up_in_cam(stamp_ns, camera_frame)

    def depth_m(self, stamp_ns: int, camera: int) -> Float32[np.ndarray, 'h w'] | None:
        """Return measured depth of the same view, meters, NaN where there is none."""
        return self._depth_m(stamp_ns, camera)

    def _lookup(
        self, target: str, source: str, stamp_ns: int, max_length_m: float
    ) -> Float[np.ndarray, '4 4'] | None:
        lookup = partial(
            self._listener.lookup, target, source, stamp_ns, max_length_m=max_length_m
        )
        found = lookup(0.0)
        newest_ns = self._listener.newest_ns(target, source) if found is None else None
        if newest_ns is None or newest_ns >= stamp_ns:  # there is nothing to wait for
            return found
        left_s = self._patience.left_s((target, source), newest_ns)
        if not left_s:
            return None
        start_s = time.monotonic()
        found = lookup(left_s)
        missed_at_ns = None if found is not None else self._listener.newest_ns(target, source)
        self._patience.note((target, source), time.monotonic() - start_s, missed_at_ns)
        return found
