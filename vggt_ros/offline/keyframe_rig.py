"""Keyframe rig: which camera took each keyframe, which were taken at once, and where cameras are.

The places of the cameras on each other are constant, and in meters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Int
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import mean_rotation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyframeRig:
    """The rig that N keyframes were taken by.

    Attributes:
        camera: (N,) which camera took each.
        moment: (N,) a number of when; keyframes of one were taken at once.
        first_from_cam: For each camera its (4, 4) pose on the first one, meters.
    """

    camera: Int[np.ndarray, ' N']
    moment: Int[np.ndarray, ' N']
    first_from_cam: Sequence[Float[np.ndarray, '4 4']]

    def members(self) -> list[list[int]]:
        """Return the keyframes of each moment, oldest first."""
        return [np.flatnonzero(self.moment == each).tolist() for each in np.unique(self.moment)]

    def world_from_rig(
        self, members: Sequence[int], world_from_cam: Float[np.ndarray, 'N 4 4']
    ) -> Float[np.ndarray, '4 4'] | None:
        """Return where the first camera was at a moment, by the poses of all cameras then.

        Args:
            members: The keyframes of the moment.
            world_from_cam: (N, 4, 4) in meters; NaN for keyframes without a pose.
        """
        told = np.array(
            [
                world_from_cam[row] @ se3.inverse(self.first_from_cam[int(self.camera[row])])
                for row in members
                if np.isfinite(world_from_cam[row]).all()
            ]
        )
        if not len(told):
            return None
        return se3.rigid(mean_rotation(told[:, :3, :3]), told[:, :3, 3].mean(axis=0))

    def on_rig(self, world_from_cam: Float[np.ndarray, 'N 4 4']) -> Float[np.ndarray, 'N 4 4']:
        """Return poses where all cameras of a moment are where the rig has them."""
        poses = world_from_cam.copy()
        for members in self.members():
            world_from_rig = self.world_from_rig(members, world_from_cam)
            for row in members if world_from_rig is not None else ():
                poses[row] = world_from_rig @ self.first_from_cam[int(self.camera[row])]
        return poses
