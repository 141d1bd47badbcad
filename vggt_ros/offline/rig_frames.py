"""Rig frames: images of several cameras that were taken at once, with one pose for all of them.

The places of the cameras on the robot are constant there; the map knows each camera's pose by
itself, a little off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import mean_rotation
from vggt_ros.offline.frame_poses import FramePoses

# Images this near in time show a rig in one place.
MAX_APART_NS = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RigFrame:
    """A moment of a rig.

    Attributes:
        map_from_rig: (4, 4) where the first camera was.
        images: The frame of the recording that each camera took then.
        first_from_cam: For each camera its (4, 4) pose on the first one, meters.
    """

    map_from_rig: Float[np.ndarray, '4 4']
    images: Mapping[int, int]
    first_from_cam: Sequence[Float[np.ndarray, '4 4']]

    def map_from_cam(self, camera: int) -> Float[np.ndarray, '4 4']:
        """Return where a camera was."""
        return np.asarray(self.map_from_rig @ self.first_from_cam[camera])


def rig_frames(
    poses: FramePoses,
    keyframes: Sequence[int],
    first_from_cam: Sequence[Float[np.ndarray, '4 4']],
) -> list[RigFrame]:
    """Return the moments at which keyframes were taken, oldest first.

    Args:
        poses: Of all frames, meters.
        keyframes: The frames that are asked for.
        first_from_cam: For each camera its (4, 4) pose on the first one, meters.
    """
    groups: list[dict[int, int]] = []
    for row in sorted(keyframes, key=lambda each: int(poses.stamps_ns[each])):
        camera = poses.camera[row] if poses.camera else 0
        begin = next(iter(groups[-1].values())) if groups else row
        apart_ns = int(poses.stamps_ns[row]) - int(poses.stamps_ns[begin])
        if not groups or camera in groups[-1] or apart_ns > MAX_APART_NS:
            groups.append({})
        groups[-1][camera] = row
    frames = []
    for group in groups:
        told = np.stack(
            [
                poses.map_from_cam[row] @ se3.inverse(first_from_cam[camera])
                for camera, row in group.items()
            ]
        )
        middle = se3.rigid(mean_rotation(told[:, :3, :3]), told[:, :3, 3].mean(axis=0))
        frames.append(
            RigFrame(
                map_from_rig=middle,
                images=dict(sorted(group.items())),
                first_from_cam=first_from_cam,
            )
        )
    return frames
