"""Recorded priors: what a recording knows of its cameras beside their images."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.mapping.registration.up_direction import UpDirection
from vggt_ros.offline.recorded_gravity import RecordedGravity
from vggt_ros.sources.bag import Bag
from vggt_ros.sources.position_fixes import PositionFix
from vggt_ros.sources.rig_dataset import RigDataset
from vggt_ros.sources.source import SourceFrame

# Depth images that wait until their window is at work; a window and those it shares frames with.
MAX_DEPTHS = 64
Pose = Float[np.ndarray, '4 4']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedRig:
    """Where the cameras of a recording are.

    Attributes:
        first_from_cam: For each camera its (4, 4) pose on the first one, meters; None if unknown.
        base_from_cam: For each camera its (4, 4) pose on what the odometry is of, meters; None if
            there is no odometry.
    """

    first_from_cam: tuple[Pose | None, ...] = (None,)
    base_from_cam: tuple[Pose | None, ...] = (None,)

    @property
    def num_cameras(self) -> int:
        """How many cameras there are."""
        return len(self.first_from_cam)


def rig_of(recording: object) -> RecordedRig:
    """Return the rig of a recording; only bags and rigs of data sets have more than a camera."""
    if not isinstance(recording, Bag | RigDataset):
        return RecordedRig()
    return RecordedRig(
        first_from_cam=recording.first_from_cam, base_from_cam=recording.base_from_cam
    )


def camera_frame(camera: int) -> str:
    """Return the name by which priors know a camera."""
    return f'camera_{camera}'


class RecordedPriors:
    """Answers as `PosePriors` from the frames that were read so far.

    Attributes:
        rig: Where the cameras are.
        uses_depth: Whether depth of the recording is measured, and tells what a meter is.
        uses_gnss: Whether fixes of the recording are measured, and tell where the map is.
    """

    def __init__(
        self,
        rig: RecordedRig | None = None,
        *,
        uses_depth: bool = False,
        gravity: RecordedGravity | None = None,
        uses_gnss: bool = False,
    ) -> None:
        """Start without frames.

        Args:
            rig: Where the cameras are; None for one that nothing is known of.
            uses_depth: Whether depth is answered.
            gravity: What tells which way is up; None if nothing does.
            uses_gnss: Whether fixes are.
        """
        self.rig = RecordedRig() if rig is None else rig
        self.uses_depth, self.uses_gnss = uses_depth, uses_gnss
        self._camera_of = {camera_frame(i): i for i in range(self.rig.num_cameras)}
        self._gravity = gravity
        self._up: dict[tuple[int, str], UpDirection] = {}
        self._odom_from_base: dict[int, Pose] = {}
        self._fixes: dict[int, PositionFix] = {}
        self._depth: OrderedDict[tuple[int, int], Float32[np.ndarray, 'h w']] = OrderedDict()

    def add(self, frame: SourceFrame, stamp_ns: int) -> None:
        """Note what is known of a frame.

        Args:
            frame: As it was read.
            stamp_ns: By which it is asked for.
        """
        if frame.odom_from_base is not None:
            self._odom_from_base[stamp_ns] = frame.odom_from_base
        if self._gravity is not None:
            up = self._gravity.up_in_cam(frame.stamp_ns, frame.camera)
            if up is not None:
                self._up[stamp_ns, camera_frame(frame.camera)] = up
        if self.uses_gnss and frame.fix is not None and frame.camera == 0:
            self._fixes[stamp_ns] = frame.fix
        if self.uses_depth and frame.depth is not None:
            self._depth[stamp_ns, frame.camera] = frame.depth
            if len(self._depth) > MAX_DEPTHS:
                self._depth.popitem(last=False)

    def forget_depth(self, since_ns: int) -> None:
        """Let depth of frames that are no keyframes go: it will not be asked for.

        Args:
            since_ns: Stamp of the first of them; none after it is a keyframe.
        """
        while self._depth and next(reversed(self._depth))[0] >= since_ns:
            self._depth.popitem()

    def begin_window(self) -> None:
        """Do nothing: every answer is there at once."""

    def odom_from_cam(self, stamp_ns: int, camera_frame: str) -> Pose | None:
        """Return the pose of a camera in the odometry at a stamp, meters."""
        odom_from_base = self._odom_from_base.get(stamp_ns)
        base_from_cam = self._on(self.rig.base_from_cam, camera_frame)
        if odom_from_base is None or base_from_cam is None:
            return None
        return np.asarray(odom_from_base @ base_from_cam)

    def fix(self, stamp_ns: int, camera: int) -> PositionFix | None:
        """Return where the antenna was when the first camera took a frame; None for others."""
        return self._fixes.get(stamp_ns) if camera == 0 else None

    @property
    def num_fixes(self) -> int:
        """Frames of the first camera whose fix is known."""
        return len(self._fixes)

    def base_from_cam(self, stamp_ns: int, camera_frame: str) -> Pose | None:
        """Return the pose of a camera on what the odometry is of, unless that is a camera."""
        known = [pose for pose in self.rig.base_from_cam if pose is not None]
        if any(np.array_equal(pose, np.eye(4)) for pose in known):
            return None  # a camera's axes are not z-up
        return self._on(self.rig.base_from_cam, camera_frame)

    def cam_from_cam(self, target_frame: str, source_frame: str, stamp_ns: int) -> Pose | None:
        """Return where one camera is in another's frame, meters."""
        target = self._on(self.rig.first_from_cam, target_frame)
        source = self._on(self.rig.first_from_cam, source_frame)
        if target is None or source is None:
            return None
        return np.asarray(se3.inverse(target) @ source)

    def up_in_cam(self, stamp_ns: int, camera_frame: str) -> UpDirection | None:
        """Return what is up along the axes of a camera, by the IMU of a bag."""
        return self._up.get((stamp_ns, camera_frame))

    def depth_m(self, stamp_ns: int, camera: int) -> Float32[np.ndarray, 'h w'] | None:
        """Return the measured depth of a frame, meters; None if it is not to be used."""
        return self._depth.get((stamp_ns, camera))

    def _on(self, poses: tuple[Pose | None, ...], frame: str) -> Pose | None:
        camera = self._camera_of.get(frame)
        return None if camera is None else poses[camera]
