"""Stamped camera poses in the map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jaxtyping import Float, Int64
import numpy as np

from vggt_ros.geometry.rotation import quat_xyzw_from_matrix
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.submap_graph import Correction
from vggt_ros.mapping.layers.camera_view import CameraView

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StampedPoses:
    """Poses of a camera in the map, oldest frame first.

    Attributes:
        stamps_ns: (N,) stamps of the images.
        map_from_cam: (N, 4, 4) rigid.
    """

    stamps_ns: Int64[np.ndarray, ' N']
    map_from_cam: Float[np.ndarray, 'N 4 4']

    def tum(self) -> str:
        """Return the poses in the TUM format, one a line."""
        lines = map(tum_line, self.stamps_ns.tolist(), self.map_from_cam)
        return ''.join(f'{line}\n' for line in lines)


@dataclass(frozen=True, slots=True, eq=False)
class PathPose:
    """One pose of the path.

    Attributes:
        submap_id: The submap it moves with.
        view: The pose, with its stamp and its camera.
    """

    submap_id: int
    view: CameraView

    def moved(self, map_from_old_map: Sim3) -> PathPose:
        """Return the pose after a correction of the map."""
        pose = map_from_old_map.apply_to_pose(self.view.map_from_cam)
        return replace(self, view=replace(self.view, map_from_cam=pose))


class Trajectory:
    """The newest poses by frame id; the oldest frames go when there are too many.

    The poses of all cameras are kept.
    """

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._poses: dict[int, PathPose] = {}

    def __len__(self) -> int:
        return len(self._poses)

    @property
    def max_size(self) -> int:
        """Most poses kept."""
        return self._max_size

    @max_size.setter
    def max_size(self, max_size: int) -> None:
        self._max_size = max_size
        self._trim()

    def add(self, frame_id: int, submap_id: int, view: CameraView) -> None:
        """Add the pose of a frame; a frame that is there gets the new pose at the same index.

        Args:
            frame_id: The frame.
            submap_id: The submap it moves with.
            view: Its pose, stamp and camera.
        """
        self._poses[frame_id] = PathPose(submap_id, view)
        self._trim()

    def correct_pose(
        self, frame_id: int, submap_id: int, map_from_cam: Float[np.ndarray, '4 4']
    ) -> None:
        """Give a frame another pose at the same index; nothing happens if it has gone.

        Args:
            frame_id: The frame.
            submap_id: The submap it moves with from now on.
            map_from_cam: (4, 4) its pose.
        """
        known = self._poses.get(frame_id)
        if known is not None:
            view = replace(known.view, map_from_cam=map_from_cam)
            self._poses[frame_id] = PathPose(submap_id, view)

    def correct(self, correction: Correction) -> None:
        """Move the poses with their submaps."""
        for frame_id, pose in self._poses.items():
            move = correction.get(pose.submap_id)
            if move is not None:
                self._poses[frame_id] = pose.moved(move)

    def reassign(self, hubs: Mapping[int, int]) -> None:
        """Let poses of submaps that left move with others from now on; `hubs` says with which."""
        for frame_id, pose in self._poses.items():
            if pose.submap_id in hubs:
                self._poses[frame_id] = replace(pose, submap_id=hubs[pose.submap_id])

    def stored(self) -> dict[int, PathPose]:
        """Return all poses by frame id, oldest first."""
        return dict(self._poses)

    def absorb(self, stored: Mapping[int, PathPose]) -> None:
        """Add poses as they were stored; those of an earlier session have ids below zero."""
        self._poses |= stored
        self._trim()

    def clear(self) -> None:
        """Forget all poses."""
        self._poses.clear()

    def poses(self) -> StampedPoses:
        """Return a copy of the poses of camera 0 in this session: the trajectory of the robot."""
        own = (each.view for frame_id, each in self._poses.items() if frame_id >= 0)
        views = [view for view in own if view.camera == 0]
        stamps_ns = [view.stamp_ns for view in views]
        map_from_cam = [view.map_from_cam for view in views]
        return StampedPoses(
            stamps_ns=np.array(stamps_ns, dtype=np.int64),
            map_from_cam=np.array(map_from_cam, dtype=np.float64).reshape(-1, 4, 4),
        )

    def views(self) -> list[CameraView]:
        """Return the poses of all cameras."""
        return [pose.view for pose in self._poses.values()]

    def _trim(self) -> None:
        while len(self._poses) > self._max_size:
            del self._poses[next(iter(self._poses))]


def tum_line(stamp_ns: int, map_from_cam: Float[np.ndarray, '4 4']) -> str:
    """Return `stamp_s tx ty tz qx qy qz qw`; all nine decimals of the stamp are exact."""
    # Seconds as a float hold today's stamps only to some hundred nanoseconds.
    seconds, nanoseconds = divmod(stamp_ns, _NS_PER_S)
    numbers = (*map_from_cam[:3, 3], *quat_xyzw_from_matrix(map_from_cam[:3, :3]))
    return f'{seconds}.{nanoseconds:09d} ' + ' '.join(f'{number:.9g}' for number in numbers)
