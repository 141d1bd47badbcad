"""Known motion: how the cameras of one window see each other, as wheels and the rig have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
import math

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import angle_between
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.refinement.relative_pose import RelativePose
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.mapping.registration.placement import ODOM_DRIFT, ODOM_TURN_RAD_PER_M
from vggt_ros.mapping.registration.window_priors import WindowPriors

# Odometry does not feel every bump: no step is known better than this.
_MIN_STEP_M, _MIN_TURN_RAD = 0.005, 0.01
# Wheels that turn a robot slip by this part of the turn.
_TURN_DRIFT = 0.03
# Cameras are not mounted, nor calibrated, better than this; of the distance, this part.
_RIG_M, _RIG_PART, _RIG_TURN_RAD = 0.003, 0.01, np.radians(0.5)
# Cameras nearer to each other than this have one place, and no direction.
_MIN_BASELINE_M = 0.01
# A unit that is less well known than this tells no lengths.
_MAX_LOG_SIGMA = 0.2

Pose = Float[np.ndarray, '4 4']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownMotion:
    """What is known, in meters, and what a meter is.

    Attributes:
        relative: Poses between cameras, rows of the window, meters.
        meters_per_unit: Of the map; NaN if not known.
        log_sigma: Standard deviation of its log.
    """

    relative: Sequence[RelativePose] = ()
    meters_per_unit: float = math.nan
    log_sigma: float = math.inf

    def in_window(self, num_before: int, *, is_in_map: bool) -> list[RelativePose]:
        """Return the same in the unit of a window.

        Args:
            num_before: Cameras that the window has before the first of these.
            is_in_map: Whether its unit is that of the map. Else lengths are not known in it, nor
                are they where the map's unit is not: rotations count, and the direction from one
                camera of a rig to another.
        """
        is_known = is_in_map and self.log_sigma <= _MAX_LOG_SIGMA
        is_known &= math.isfinite(self.meters_per_unit)
        return [
            (self._in_units(each) if is_known else _without_length(each)).moved(num_before)
            for each in self.relative
        ]

    def _in_units(self, each: RelativePose) -> RelativePose:
        a_from_b = each.a_from_b.copy()
        a_from_b[:3, 3] /= self.meters_per_unit
        sigma_m = math.hypot(each.translation_sigma, self.log_sigma * each.length)
        return replace(each, a_from_b=a_from_b, translation_sigma=sigma_m / self.meters_per_unit)


NO_MOTION = KnownMotion()


def known_motion(window: Window, priors: WindowPriors, scale: ScaleState) -> KnownMotion:
    """Return what the robot says of how the cameras of a window see each other.

    Args:
        window: Its frames.
        priors: What it says of them.
        scale: Of the map that the window may be in.
    """
    return KnownMotion(
        relative=[*_steps(window, priors.odom_from_cam), *_sets(window, priors.first_from_cam)],
        meters_per_unit=scale.meters_per_unit,
        log_sigma=scale.log_sigma,
    )


def _without_length(each: RelativePose) -> RelativePose:
    return replace(each, translation_sigma=math.inf)


def _steps(window: Window, odom_from_cam: Sequence[Pose | None]) -> list[RelativePose]:
    """Return the motion of every camera from one frame that odometry knows to the next."""
    # All cameras of a robot hear the same wheels.
    share = math.sqrt(len({frame.camera for frame in window.frames}))
    last: dict[int, int] = {}
    steps = []
    for row, frame in enumerate(window.frames):
        pose = odom_from_cam[row]
        if pose is None:
            continue
        before = last.get(frame.camera)
        last[frame.camera] = row
        if before is None:
            continue
        known = odom_from_cam[before]
        assert known is not None, 'only known ones are remembered'
        a_from_b = se3.inverse(known) @ pose
        way_m = float(np.linalg.norm(a_from_b[:3, 3]))
        turn_rad = angle_between(a_from_b[:3, :3], np.eye(3))
        steps.append(
            RelativePose(
                row_a=before,
                row_b=row,
                a_from_b=a_from_b,
                rotation_sigma_rad=share
                * (_MIN_TURN_RAD + ODOM_TURN_RAD_PER_M * way_m + _TURN_DRIFT * turn_rad),
                translation_sigma=share * (_MIN_STEP_M + ODOM_DRIFT * way_m),
            )
        )
    return steps


def _sets(window: Window, first_from_cam: Sequence[Pose | None]) -> list[RelativePose]:
    """Return where the cameras of every set are, seen from each other."""
    pairs = []
    for rows in window.set_rows:
        for a, b in combinations(rows, 2):
            pose_a, pose_b = first_from_cam[a], first_from_cam[b]
            if pose_a is None or pose_b is None:
                continue
            a_from_b = se3.inverse(pose_a) @ pose_b
            baseline_m = float(np.linalg.norm(a_from_b[:3, 3]))
            sigma_m = math.hypot(_RIG_M, _RIG_PART * baseline_m)
            has_direction = baseline_m >= _MIN_BASELINE_M
            pairs.append(
                RelativePose(
                    row_a=a,
                    row_b=b,
                    a_from_b=a_from_b,
                    rotation_sigma_rad=float(_RIG_TURN_RAD),
                    translation_sigma=sigma_m,
                    direction_sigma_rad=sigma_m / baseline_m if has_direction else math.inf,
                )
            )
    return pairs
