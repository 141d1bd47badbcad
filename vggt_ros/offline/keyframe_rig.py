"""Keyframe rig: which camera took each keyframe, which were taken at once, and where cameras are.

The places of the cameras on each other are constant, and in meters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

from jaxtyping import Float, Int
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import mean_rotation

# Images this near in time show a rig in one place.
MAX_APART_NS = 5_000_000
# Of the difference of two matched features, pixels; and what no calibration is better than.
_MATCH_SIGMA_PX, _LEAST_LOG_SIGMA = 0.7, 0.005


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

    @classmethod
    def of(
        cls,
        stamps_ns: Sequence[int],
        cameras: Sequence[int],
        first_from_cam: Sequence[Float[np.ndarray, '4 4']],
    ) -> KeyframeRig:
        """Return the rig of keyframes; those within `MAX_APART_NS` were taken at once.

        Args:
            stamps_ns: When each was taken, in any order.
            cameras: Which camera took each.
            first_from_cam: See above.
        """
        moment = np.zeros(len(stamps_ns), dtype=np.int64)
        begin_ns, shown = -(2**62), set(cameras)
        for row in sorted(range(len(stamps_ns)), key=lambda each: stamps_ns[each]):
            if stamps_ns[row] - begin_ns > MAX_APART_NS or cameras[row] in shown:
                begin_ns, shown = stamps_ns[row], set()
            shown.add(cameras[row])
            moment[row] = begin_ns
        return cls(
            camera=np.array(cameras, dtype=np.int64),
            moment=moment,
            first_from_cam=first_from_cam,
        )

    def log_sigma(self, depth_m: float, focal_px: float, num_matches: int) -> float:
        """Return how well the rig says what a meter is: standard deviation of its log.

        Args:
            depth_m: Usual distance of what it sees.
            focal_px: Of a camera.
            num_matches: Between images of different cameras that were taken at once.
        """
        baseline_m = max(float(np.linalg.norm(each[:3, 3])) for each in self.first_from_cam)
        if baseline_m <= 0.0 or num_matches == 0:
            return math.inf
        of_one = _MATCH_SIGMA_PX * depth_m / (focal_px * baseline_m)
        return max(_LEAST_LOG_SIGMA, of_one / math.sqrt(num_matches))

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
