"""Drift of roll and pitch on made-up courses, with and without an IMU.

    .venv/bin/python -m benchmarks.gravity [--seeds 3] [--frames 1000] [--courses figure_eight]

The network is simulated, with errors like VGGT's; nothing else tells where the robot is, and no
loop is closed unless `--loops` asks for it. The IMU's gravity is off by a mounting error (0.3
degrees) and by one that changes within seconds (0.5 degrees). Without it, gravity is known in the
first window only. Prints a JSON line per course with the median and the worst of each number: tilt
is the angle between the true up direction and the map's z, over all frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import json

from jaxtyping import Float
import numpy as np

from vggt_ros.evaluation.course_run import CourseRun, run_course
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.mapping.registration.pose_priors import NoPriors
from vggt_ros.mapping.registration.up_direction import UpDirection
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import Course, COURSES, make_course
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor

_PERIOD_NS = 100_000_000
_MOUNT_DEG, _WANDER_DEG, _WANDER_FRAMES = 0.3, 0.5, 20
_SETTINGS = {
    'keyframe.min_parallax': 0.0,
    'window.overlap': 2,
    'map.enable': False,
    'refine.mode': 'off',
}


class SimulatedGravity(NoPriors):
    """Answers as `PosePriors` what an IMU on the camera feels, and nothing else."""

    def __init__(self, course: Course, seed: int, num_frames: int | None = None) -> None:
        """Make the errors up.

        Args:
            course: Its frames are stamped at an even rate, the first with one period.
            seed: Of the errors.
            num_frames: Frames from the first on that are answered for; None for all.
        """
        rng = np.random.default_rng([seed, 41])
        count = len(course) if num_frames is None else num_frames
        keep = np.exp(-1.0 / _WANDER_FRAMES)
        wander = rng.normal(size=(count, 3))
        for k in range(1, count):
            wander[k] = keep * wander[k - 1] + np.sqrt(1.0 - keep**2) * wander[k]
        off_deg = _MOUNT_DEG * rng.normal(size=3) + _WANDER_DEG * wander
        true = course.world_from_cam[:count, 2, :3]
        turns = matrix_from_rotation_vector(np.deg2rad(off_deg))
        self._ups = np.einsum('nij,nj->ni', turns, true)

    def up_in_cam(self, stamp_ns: int, camera_frame: str) -> UpDirection | None:
        """Return the direction of a frame, off by what an IMU is off."""
        index = stamp_ns // _PERIOD_NS - 1
        if not 0 <= index < len(self._ups):
            return None
        return UpDirection(along_axes=self._ups[index], sigma_rad=float(np.deg2rad(1.0)))


def tilts_deg(course: Course, run: CourseRun) -> Float[np.ndarray, ' M']:
    """Return by how many degrees the map's z is off the true up direction, at every pose."""
    true = course.world_from_cam[run.frame_index, 2, :3]
    found = run.map_from_cam[:, 2, :3]
    return np.rad2deg(np.arccos(np.clip((true * found).sum(axis=1), -1.0, 1.0)))


def measure(name: str, seed: int, num_frames: int, *, loops: bool) -> dict[str, float]:
    """Return tilt and error of the path of one course, with and without the IMU."""
    course = make_course(name, num_frames, seed)
    config = with_values(VggtConfig(), _SETTINGS | {'loop.enable': loops})
    numbers: dict[str, float] = {}
    for label, known in (('without', 8), ('with', None)):
        run = run_course(
            course,
            SimulatedPredictor(course, seed=seed),
            config,
            priors=SimulatedGravity(course, seed, known),
        )
        tilt = tilts_deg(course, run)
        numbers |= {
            f'tilt_mean_deg_{label}': float(tilt.mean()),
            f'tilt_largest_deg_{label}': float(tilt.max()),
            f'sim3_ate_percent_{label}': run.error.ate_percent,
            f'loops_{label}': run.num_loops,
        }
    return numbers


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seeds', type=int, default=3, metavar='NUMBER')
    parser.add_argument('--frames', type=int, default=1000, metavar='NUMBER')
    parser.add_argument('--courses', nargs='+', choices=COURSES, default=['figure_eight'])
    parser.add_argument('--loops', action='store_true')
    chosen = parser.parse_args(arguments)
    for name in chosen.courses:
        found = [
            measure(name, seed, chosen.frames, loops=chosen.loops) for seed in range(chosen.seeds)
        ]
        line = {
            key: {
                'median': round(float(np.median([each[key] for each in found])), 3),
                'worst': round(float(max(each[key] for each in found)), 3),
            }
            for key in found[0]
        }
        print(json.dumps({'course': name, 'frames': chosen.frames, **line}))  # noqa: T201
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
