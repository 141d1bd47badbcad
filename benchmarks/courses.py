"""Whole courses in made-up places: drift, loops, meters, gaps, and what they cost.

    .venv/bin/python -m benchmarks.courses [--seeds 20] [--parts loop odometry rig gaps long still]
    .venv/bin/python -m benchmarks.courses --seeds 3 --parts images [--frames 300]

The network is simulated, with errors like VGGT's; windows of 8 frames share 2. Prints a JSON line
per part and course with the median and the worst of each number; 0 if all limits hold.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
import json
import sys

import numpy as np

from vggt_ros.evaluation.course_run import arrivals_of, CourseRun, drive, run_course, stamp_ns
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.ros.middleware.memory import resident_mb
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import Course, COURSES, make_course, REPEATED_CORRIDOR
from vggt_ros.synthetic.rig_timing import possible_sets, RigTiming
from vggt_ros.synthetic.simulated_odometry import SimulatedOdometry
from vggt_ros.synthetic.simulated_predictor import Errors, SimulatedPredictor
from vggt_ros.synthetic.simulated_rig import make_rig, SimulatedRig

Numbers = dict[str, float]
# Frames of courses without pictures are noise: nothing could be verified.
_SETTINGS = {
    'keyframe.min_parallax': 0.0,
    'window.overlap': 2,
    'map.enable': False,
    'refine.mode': 'off',
}
_MOVING = tuple(course for course in COURSES if course != 'parked')
_MIN_WAY_M = 0.2
_PARTS_OF_ONE_SEED = ('long',)
# What the largest value of a number may be over all seeds.
LIMITS = {
    'sim3_ate_percent': 1.0,
    'sim3_ate_percent_with_loops': 0.4,
    'se3_ate_percent': 1.0,
    'length_error_percent': 1.5,
    'length_error_with_gaps_percent': 2.0,
    'rig_scale_error_percent': 2.0,
    'sets_missed_percent': 1.0,
    'locked_after_s': 30.0,
    'largest_jump_m': 0.3,
    'memory_growth_percent': 2.0,
    'latency_growth': 1.5,
    'moved_while_parked_m': 0.3,
    'sim3_ate_percent_refined': 0.2,
    'wrong_loops_refined': 0.0,
}


def run(
    course: Course,
    seed: int,
    *,
    odometry: bool = False,
    errors: Errors | None = None,
    loops: bool = True,
    settings: Mapping[str, bool | int | float | str] | None = None,
) -> CourseRun:
    """Send a mapper over a course.

    Args:
        course: The path.
        seed: Of the network's and the wheels' errors.
        odometry: True for wheels with 2 % drift and 1 % error of scale.
        errors: Of the network; None for those like VGGT's.
        loops: False to recognize no places.
        settings: Further ones by dotted name.
    """
    values = _SETTINGS | {'loop.enable': loops} | dict(settings or {})
    config = with_values(VggtConfig(), values)
    priors = SimulatedOdometry(course, seed=seed) if odometry else None
    return run_course(course, SimulatedPredictor(course, errors, seed), config, priors=priors)


def _mapper(course: Course, seed: int, **settings: bool | int | float) -> Mapper:
    config = with_values(VggtConfig(), _SETTINGS | settings)
    return Mapper(SimulatedPredictor(course, seed=seed), config, offline=True)


def loop(seed: int) -> Iterator[tuple[str, Numbers]]:
    """Once round a corridor of 2,000 frames, without anything but the network."""
    course = make_course('corridor_loop', 2000, seed)
    without = run(course, seed, loops=False)
    with_loops = run(course, seed)
    yield (
        'corridor_loop',
        {
            'sim3_ate_percent': without.error.ate_percent,
            'sim3_ate_percent_with_loops': with_loops.error.ate_percent,
            'num_loops': with_loops.num_loops,
        },
    )


def odometry(seed: int) -> Iterator[tuple[str, Numbers]]:
    """All courses with wheels."""
    for name in _MOVING:
        course = make_course(name, 2000, seed)
        found = run(course, seed, odometry=True)
        yield name, _metric_numbers(course, found)


def rig(seed: int) -> Iterator[tuple[str, Numbers]]:
    """Two and four cameras, 0.12 m apart, whose images jitter, are lost and stay away."""
    timing = RigTiming(dropped=0.05, dead_camera=1)
    for num_cameras in (2, 4):
        places = make_rig(num_cameras, 0.12)
        course = make_course('figure_eight', 500, seed).with_rig(places)
        least = num_cameras - 1
        values = {'input.sync.min_cameras': least, 'input.num_cameras': num_cameras}
        config = with_values(VggtConfig(), _SETTINGS | values)
        predictor = SimulatedPredictor(course, seed=seed)
        found = run_course(course, predictor, config, priors=SimulatedRig(places), timing=timing)
        arrived = arrivals_of(course, timing)
        usable = possible_sets(arrived, least)
        num_possible = sum(each.moment in usable for each in arrived)
        num_in_sets = sum(camera.num_in_sets for camera in found.cameras)
        numbers = _metric_numbers(course, found)
        yield (
            f'figure_eight, {num_cameras} cameras',
            {
                'se3_ate_percent': numbers['se3_ate_percent'],
                'rig_scale_error_percent': numbers['sim3_scale_error_percent'],
                'locked_after_s': numbers['locked_after_s'],
                'sets_missed_percent': 100.0 * (1.0 - num_in_sets / num_possible),
            },
        )


def gaps(seed: int) -> Iterator[tuple[str, Numbers]]:
    """A fifth of all windows fails."""
    errors = replace(Errors(), failures=0.2)
    for name in _MOVING:
        course = make_course(name, 800, seed)
        found = run(course, seed, odometry=True, errors=errors)
        yield (
            name,
            {'largest_jump_m': largest_jump_m(course, found), **_metric_numbers(course, found)},
        )


def long(seed: int) -> Iterator[tuple[str, Numbers]]:
    """5,000 frames: what is kept must not grow, nor what a window costs."""
    course = make_course('lawn_mower', 5000, seed)
    # Bounds that are reached before half of the path.
    bounds = {'map.max_points': 30_000, 'loop.max_places': 200, 'path.max_size': 500}
    mapper = _mapper(course, seed, **bounds, **{'map.enable': True, 'map.voxel_size': 0.1})
    latencies_s, memory_mb = [], []
    for update in drive(course, mapper):
        if update is not None:
            latencies_s.append(update.latency_s)
            memory_mb.append(resident_mb())
    quarter = len(latencies_s) // 4
    second, last = latencies_s[quarter : 2 * quarter], latencies_s[-quarter:]
    yield (
        'lawn_mower',
        {
            'memory_half_way_mb': memory_mb[2 * quarter],
            'memory_growth_percent': 100.0 * (memory_mb[-1] / memory_mb[2 * quarter] - 1.0),
            'latency_median_ms': 1e3 * float(np.median(last)),
            'latency_growth': float(np.median(last) / np.median(second)),
        },
    )


def still(seed: int) -> Iterator[tuple[str, Numbers]]:
    """A parked robot, every image of which is taken for a keyframe."""
    course = make_course('parked', 500, seed)
    mapper = _mapper(course, seed)
    positions = [
        result.map_from_cam[:3, 3]
        for update in drive(course, mapper)
        if update is not None
        for result in update.new_frames
    ]
    # The unit of the first window is a meter but for its random factor, 2.5 at most.
    yield 'parked', {'moved_while_parked_m': float(np.linalg.norm(positions, axis=1).max())}


def images(seed: int, num_frames: int = 300) -> Iterator[tuple[str, Numbers]]:
    """All courses with images of what there is to see, without loops; then a place that repeats.

    The corridors of the last course look exactly the same and none is visited twice, so that every
    loop is a wrong one.
    """
    for name in (*_MOVING, REPEATED_CORRIDOR):
        course = make_course(name, num_frames, seed).with_pictures(seed=seed)
        numbers: Numbers = {}
        for suffix, settings in _refinements():
            without = run(course, seed, loops=False, settings=settings)
            latencies_s = [update.latency_s for update in without.updates]
            numbers |= {
                f'sim3_ate_percent{suffix}': without.error.ate_percent,
                f'no_pose_percent{suffix}': 100.0 * (1.0 - len(without.frame_index) / len(course)),
                f'window_ms{suffix}': 1e3 * float(np.median(latencies_s)),
            }
            if name == REPEATED_CORRIDOR:
                with_loops = run(course, seed, settings=settings)
                numbers[f'wrong_loops{suffix}'] = with_loops.num_loops
        yield name, numbers


def _refinements() -> list[tuple[str, dict[str, str]]]:
    """Return what is compared: suffixes of the numbers, and settings."""
    return [('', {'refine.mode': 'off'}), ('_refined', {'refine.mode': 'depth'})]


def largest_jump_m(course: Course, found: CourseRun) -> float:
    """Return the largest step of a published pose that the robot did not make.

    Steps from one window to the next are left out where the map reported a correction.
    """
    truth_from_map = found.metric_error.truth_from_map
    published = truth_from_map.apply(found.published[:, :3, 3])
    truth = course.world_from_cam[found.frame_index, :3, 3]
    jumps_m = np.linalg.norm(np.diff(published, axis=0) - np.diff(truth, axis=0), axis=1)
    is_reported = np.isin(found.frame_index[1:], found.corrected_frames)
    return float(jumps_m[~is_reported].max())


def _length_ratio(course: Course, found: CourseRun) -> float:
    """Return lengths in the map over true ones: of all ways from a frame to the tenth after it."""
    truth = course.world_from_cam[found.frame_index, :3, 3]
    positions = found.map_from_cam[:, :3, 3]
    ways = [np.linalg.norm(each[10:] - each[:-10], axis=1) for each in (positions, truth)]
    is_moving = ways[1] > _MIN_WAY_M
    return float(ways[0][is_moving].sum() / ways[1][is_moving].sum())


def _metric_numbers(course: Course, found: CourseRun) -> Numbers:
    locked = [k for k, update in enumerate(found.updates) if update.scale_state.is_metric]
    first = found.window_stamps_ns[locked[0]] if locked else float('inf')
    return {
        'se3_ate_percent': found.metric_error.ate_percent,
        'length_error_percent': 100.0 * abs(_length_ratio(course, found) - 1.0),
        # Of the best similarity: where a heading drifts over lanes, their shape says more about it
        # than lengths do.
        'sim3_scale_error_percent': 100.0 * abs(1.0 / found.error.truth_from_map.scale - 1.0),
        'locked_after_s': (first - stamp_ns(0)) / 1e9,
    }


PARTS: dict[str, Callable[[int], Iterator[tuple[str, Numbers]]]] = {
    'loop': loop,
    'odometry': odometry,
    'rig': rig,
    'gaps': gaps,
    'long': long,
    'still': still,
    'images': images,
}


def main() -> int:
    """Run the parts; 0 if no number is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--seeds', type=int, default=20)
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=list(PARTS))
    parser.add_argument('--frames', type=int, default=300, help='of a course with images')
    options = parser.parse_args()
    parts = PARTS | {'images': partial(images, num_frames=options.frames)}
    holds = True
    for part in options.parts:
        found: dict[str, list[Numbers]] = {}
        for seed in range(1 if part in _PARTS_OF_ONE_SEED else options.seeds):
            for course, numbers in parts[part](seed):
                found.setdefault(course, []).append(numbers)
        for course, runs in found.items():
            line: dict[str, object] = {'part': part, 'course': course, 'seeds': len(runs)}
            for name in runs[0]:
                values = [numbers[name] for numbers in runs]
                line[name] = [round(float(np.median(values)), 3), round(max(values), 3)]
                holds = holds and max(values) <= LIMITS.get(name, float('inf'))
            sys.stdout.write(json.dumps(line) + '\n')
            sys.stdout.flush()
    return 0 if holds else 1


if __name__ == '__main__':
    sys.exit(main())
