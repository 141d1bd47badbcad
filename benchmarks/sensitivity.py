"""Tuning constants of the map, halved and doubled: how much depends on each?

    .venv/bin/python -m benchmarks.sensitivity [--frames 400] [--windows 60] [--seeds 2]

Registration, scale and loops are measured by courses with a simulated network (absolute trajectory
error in percent of the path length after the best similarity, and loops closed), constants of the
refinement by made-up windows (median error of pairs of cameras in degrees, and cameras that the
images confirm). Writes a table in Markdown to standard output; docs/tuning_constants.md is one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import importlib
import logging
import sys

import numpy as np

from benchmarks.disturbed_windows import disturb
from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.course_run import run_course
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor

FACTORS = (0.5, 2.0)
# What is read of the courses and of the windows, by room; the shape of what is printed follows.
ON_COURSES = {
    'registration.registration': (
        '_ROTATION_DELTA_RAD',
        '_TRANSLATION_DELTA',
        '_POINTS_DELTA',
        '_MAX_GAP_RATIO',
        '_USUAL_DOUBT',
        '_MIN_LOG_SCALE_SIGMA',
    ),
    'registration.pose_error_model': ('_MAX_RATIO',),
    'registration.frame_agreement': ('_MAX_SAMPLES', '_MIN_COMMON', '_NEIGHBORS'),
    'registration.point_registration': ('_MIN_POINTS', '_MAX_INDEPENDENT'),
    'backend.pose_graph': ('_ROBUST_SIGMAS',),
    'backend.submap_graph': ('_MAX_LOOP_ERROR',),
    'backend.loop_closure': ('_FRAMES', '_MIN_SUBMAP_GAP', '_NEWS'),
    'backend.keyframe_database': ('_MIN_PLACES',),
}
ON_WINDOWS = {
    'refinement.bundle_adjustment': ('_VIRTUAL_BASELINE', '_RELATIVE_TOLERANCE'),
    'refinement.two_view': ('_THRESHOLD_PX', '_NO_PARALLAX_RAD'),
    'refinement.window_candidate': ('_MIN_CELLS', '_MIN_SHARED', '_MAX_ADJUSTED'),
    'refinement.window_refinement': (
        '_MIN_MEDIAN_ANGLE_RAD',
        '_ENOUGH_MEDIAN_ANGLE_RAD',
        '_CLEAR_MEDIAN_ANGLE_RAD',
        '_NEAR_PX',
    ),
    'refinement.track_score': ('_CELLS',),
    'refinement.track_start': (
        '_ENOUGH_PARALLAX_RAD',
        '_MIN_ANGLE_RAD',
        '_MAX_ERROR_PX',
        '_MIN_POINTS',
    ),
    'refinement.turning_window': ('_MAX_STILL_PX', '_MAX_UNSEEN'),
    'refinement.rotation_only': ('_HUBER_RAD',),
    'refinement.focal_search': ('_CLIP_PX',),
    'refinement.near_network': ('_MORE',),
}
_SETTINGS = {
    'keyframe.min_parallax': 0.0,
    'window.overlap': 2,
    'map.enable': False,
    'refine.mode': 'off',
    'model.device': 'cpu',
}
_COURSES = ('figure_eight', 'corridor_loop')


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was measured under one value of one constant.

    Attributes:
        error: Percent of the way, or degrees.
        count: Loops closed, or cameras confirmed.
    """

    error: float
    count: int


def on_courses(num_frames: int, num_seeds: int) -> Outcome:
    """Send the map over courses; the mean error and all loops."""
    errors, num_loops = [], 0
    config = with_values(VggtConfig(), _SETTINGS)
    for name in _COURSES:
        for seed in range(num_seeds):
            course = make_course(name, seed=seed, num_frames=num_frames)
            try:
                run = run_course(course, SimulatedPredictor(course, seed=seed), config)
            except AlignmentError:
                return Outcome(error=float('inf'), count=0)
            errors.append(run.error.ate_percent)
            num_loops += run.num_loops
    return Outcome(error=float(np.mean(errors)), count=num_loops)


def on_windows(num_windows: int) -> Outcome:
    """Refine made-up windows; the median error and all cameras that are confirmed."""
    windows = [disturb(5000 + seed) for seed in range(num_windows)]
    errors = [each.after_rad for each in windows if np.isfinite(each.after_rad)]
    median_deg = float(np.degrees(np.median(errors))) if errors else float('inf')
    return Outcome(error=median_deg, count=sum(each.num_verified for each in windows))


@contextmanager
def changed(module_name: str, constant: str, factor: float) -> Iterator[float]:
    """Multiply a constant of a module of `vggt_ros.mapping`; a count stays one, and above 0."""
    module = importlib.import_module(f'vggt_ros.mapping.{module_name}')
    usual = getattr(module, constant)
    value = factor * usual
    value = max(1, round(value)) if isinstance(usual, int) else value
    setattr(module, constant, value)
    try:
        yield value
    finally:
        setattr(module, constant, usual)


def table(
    constants: dict[str, tuple[str, ...]], measure: Callable[[], Outcome], heading: str
) -> Iterator[str]:
    """Yield the lines of one table, each as soon as it was measured."""
    usual = measure()
    yield f'{heading}; with the usual values {_shown(usual)}.'
    yield ''
    yield '| Constant | Value | Halved | Doubled |'
    yield '|---|---|---|---|'
    for module_name, names in constants.items():
        for name in names:
            cells = []
            for factor in FACTORS:
                with changed(module_name, name, factor):
                    cells.append(_shown(measure()))
            module = importlib.import_module(f'vggt_ros.mapping.{module_name}')
            where = module_name.replace('.', '/')
            yield (
                f'| `{where}.py` `{name}` | {getattr(module, name):.4g} | '
                + ' | '.join(cells)
                + ' |'
            )


def _shown(outcome: Outcome) -> str:
    return f'{outcome.error:.3f} ({outcome.count})'


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--frames', type=int, default=400, help='of a course')
    parser.add_argument('--seeds', type=int, default=2, help='of each course')
    parser.add_argument('--windows', type=int, default=60)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    for line in table(
        ON_COURSES,
        lambda: on_courses(options.frames, options.seeds),
        'Error of the trajectory in percent of the path length (loops closed)',
    ):
        sys.stdout.write(line + '\n')
        sys.stdout.flush()
    sys.stdout.write('\n')
    for line in table(
        ON_WINDOWS,
        lambda: on_windows(options.windows),
        'Median error of pairs of cameras in degrees (cameras confirmed)',
    ):
        sys.stdout.write(line + '\n')
        sys.stdout.flush()
    return 0


if __name__ == '__main__':
    sys.exit(main())
