"""Overlap registration and its baselines, on courses with a network that makes VGGT's errors.

    .venv/bin/python -m benchmarks.seams [--seeds 20] [--courses figure_eight ...] [--frames 600]

Every method sees the same predictions. Windows of 8 frames share 2; nothing but the network is
there to say where the robot is. Prints a JSON line per course and method: the absolute trajectory
error in percent of the path length after the best similarity, ours first as a ratio of the
better baseline.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
import json
import sys
from unittest.mock import patch

import numpy as np

from benchmarks.seam_baselines import by_camera_centers, by_dense_points, without_points
from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.course_run import run_course
from vggt_ros.mapping.registration.registration import register, Registration
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import COURSES, make_course
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor

Register = Callable[..., Registration]
_SETTINGS = {
    'keyframe.min_parallax': 0.0,
    'window.overlap': 2,
    'map.enable': False,
    'loop.enable': False,
    'refine.mode': 'off',
}
OURS = 'ours'
# How overlaps are registered, and whether frames that contradict their window are left out.
WAYS: dict[str, tuple[Register, bool]] = {
    OURS: (register, True),
    'ours, cameras alone in the translation': (without_points, True),
    'ours, all frames inliers': (register, False),
    'camera centers': (by_camera_centers, False),
    'dense points, IRLS': (by_dense_points, False),
}


def ate_percent(course_name: str, num_frames: int, seed: int, way: str) -> float:
    """Return the error of one method on one course, infinite if it lost the robot for good."""
    course = make_course(course_name, num_frames, seed)
    config = with_values(VggtConfig(), _SETTINGS)
    join, leaves_out = WAYS[way]
    with ExitStack() as stack:
        stack.enter_context(patch('vggt_ros.mapping.registration.placement.register', join))
        if not leaves_out:
            stack.enter_context(
                patch(
                    'vggt_ros.mapping.registration.window_estimate.consistent_frames',
                    _believe_everything,
                )
            )
        try:
            found = run_course(course, SimulatedPredictor(course, seed=seed), config)
        except AlignmentError:
            return float('inf')
    return found.error.ate_percent


def _believe_everything(disagreement: np.ndarray, _: Submap) -> np.ndarray:
    return np.ones(len(disagreement), dtype=bool)


def main() -> int:
    """Run all; 0 if ours is better than both baselines on every course."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--seeds', type=int, default=20)
    parser.add_argument('--frames', type=int, default=600)
    parser.add_argument(
        '--courses', nargs='+', choices=COURSES, default=[c for c in COURSES if c != 'parked']
    )
    options = parser.parse_args()
    is_best = True
    for course in options.courses:
        errors = {
            way: [ate_percent(course, options.frames, seed, way) for seed in range(options.seeds)]
            for way in WAYS
        }
        medians = {way: float(np.median(found)) for way, found in errors.items()}
        baseline = min(medians['camera centers'], medians['dense points, IRLS'])
        is_best = is_best and medians[OURS] < baseline
        for way, found in errors.items():
            line = {
                'over_better_baseline': round(medians[way] / baseline, 3),
                'course': course,
                'way': way,
                'ate_percent_median': round(medians[way], 3),
                'ate_percent_worst': round(max(found), 3),
                'seeds': options.seeds,
                'frames': options.frames,
            }
            sys.stdout.write(json.dumps(line) + '\n')
            sys.stdout.flush()
    return 0 if is_best else 1


if __name__ == '__main__':
    sys.exit(main())
