"""Refinement cost: the time of each stage, and how long gtsam holds up all other threads.

    .venv/bin/python -m benchmarks.refinement_cost [--rounds 5] [--windows 10] [--mode depth]

A mapper goes over a made-up course whose images of 640x480 show what there is to see; the network
is simulated. All frames are keyframes, windows of 8 share 4, and 8 anchors hold them. Every round
is the same work: of each window the least time of all rounds is taken, and of the windows, once
there are all anchors, the median. Beside the time that passed there is the processor time of all
threads, which means something on a busy machine, too. Prints a JSON line per stage and two of
totals; then how long a call of `optimizer.iterate()` takes, and the longest time for which another
thread, which sleeps 0.2 ms at a time, did not get the interpreter's lock meanwhile.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass, field
import json
import sys
import threading
import time
from typing import Any
from unittest.mock import patch

import gtsam
import numpy as np
import torch

from benchmarks.machine import machine_name
from vggt_ros.evaluation.course_run import stamp_ns
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import Course, make_course
from vggt_ros.synthetic.course_camera import CourseCamera
from vggt_ros.synthetic.simulated_predictor import Errors, SimulatedPredictor

# 640x480, and about the size at which nano sees it.
_GRID = {'width': 160, 'height': 120, 'image_scale': 4}
_SIZE, _OVERLAP = 8, 4
# After so many windows a new one has all its anchors.
_FIRST_STEADY = 4
_TICK_S = 2e-4
_PACKAGE = 'vggt_ros.mapping'
# Stages by the functions that are called for them, where they are called.
_STAGES = {
    'features': f'{_PACKAGE}.refinement.feature_store.detect_features',
    'matching': f'{_PACKAGE}.refinement.feature_store.match_features',
    'two_view': f'{_PACKAGE}.refinement.feature_store.verify_pair',
    'tracks': f'{_PACKAGE}.refinement.feature_store.window_tracks',
    'adjustment': f'{_PACKAGE}.registration.window_refiner.refine_window',
    'depth_field': f'{_PACKAGE}.registration.window_depth.correct_depths',
    'depth_field_and_sweep': f'{_PACKAGE}.registration.window_depth.sweep_depths',
    # What is done when a frame comes, and when its window is there: all of the above.
    'prepare': f'{_PACKAGE}.registration.window_refiner.WindowRefiner.prepare',
    'refine': f'{_PACKAGE}.registration.window_refiner.WindowRefiner.refine',
}
_UNITS = {'matching': 'pair', 'two_view': 'pair', 'tracks': 'window', 'adjustment': 'window'}


@dataclass(slots=True)
class WindowTime:
    """Seconds, on the clock and of the processor, and calls of the stages for one window."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    cpu_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTime:
    """How long others wait for the interpreter.

    Attributes:
        iterate_s: Seconds of every call of `optimizer.iterate()`.
        longest_gap_s: Longest time between two ticks of a thread that wants to tick all the time,
            while bundles were adjusted.
    """

    iterate_s: list[float]
    longest_gap_s: float


def painted_course(num_windows: int) -> tuple[Course, list[Frame]]:
    """Return a course of so many windows, and its frames."""
    num_frames = _SIZE + (num_windows - 1) * (_SIZE - _OVERLAP)
    course = make_course('figure_eight', num_frames, 0).with_pictures(**_GRID)
    camera = CourseCamera(course)
    frames = [
        Frame(id=i, stamp_ns=stamp_ns(i), camera_frame='', image=camera.image(i), K=course.K_image)
        for i in range(num_frames)
    ]
    return course, frames


def window_times(course: Course, frames: list[Frame], mode: str) -> list[WindowTime]:
    """Send a mapper over a course once; return what each window cost."""
    config = with_values(
        VggtConfig(),
        {
            'refine.mode': mode,
            'refine.budget_ms': 60_000,
            'keyframe.min_parallax': 0.0,
            'window.size': _SIZE,
            'window.overlap': _OVERLAP,
            'map.enable': False,
            'loop.enable': False,
        },
    )
    errors = Errors(failures=0.0, outliers=0.0)
    mapper = Mapper(SimulatedPredictor(course, errors), config, offline=True)
    times = [WindowTime()]
    with ExitStack() as stack:
        for stage, name in _STAGES.items():
            stack.enter_context(_timed(stage, name, times))
        for frame in frames:
            mapper.add_frame(frame)
            while (window := mapper.wait_for_window(0.0)) is not None:
                mapper.prepare(window.new_frames)
                mapper.process(window, Wanted(tracks=False))
                times.append(WindowTime())
    return times[:-1]


@contextmanager
def _timed(stage: str, name: str, times: list[WindowTime]) -> Iterator[None]:
    """Add the time of the calls of a function to the newest of `times`."""
    module, _, attribute = name.rpartition('.')
    owner = _resolve(module)
    function: Callable[..., Any] = getattr(owner, attribute)

    def timed(*words: Any, **named: Any) -> Any:
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        try:
            return function(*words, **named)
        finally:
            times[-1].seconds[stage] += time.perf_counter() - start_s
            times[-1].cpu_s[stage] += time.process_time() - start_cpu_s
            times[-1].calls[stage] += 1

    with patch.object(owner, attribute, timed):
        yield


def _resolve(name: str) -> Any:
    """Return a module, or a class in one."""
    if name in sys.modules:
        return sys.modules[name]
    module, _, attribute = name.rpartition('.')
    return getattr(sys.modules[module], attribute)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a stage costs per window: least of all rounds, median over windows."""

    seconds: float
    cpu_s: float
    calls: int


def stage_costs(rounds: list[list[WindowTime]]) -> dict[str, Cost]:
    """Return what every stage costs that ran."""
    steady = [list(same) for same in zip(*rounds, strict=True)][_FIRST_STEADY:]
    costs = {}
    for stage in _STAGES:
        if any(stage in window.calls for same in steady for window in same):
            costs[stage] = Cost(
                seconds=float(np.median([min(w.seconds[stage] for w in same) for same in steady])),
                cpu_s=float(np.median([min(w.cpu_s[stage] for w in same) for same in steady])),
                calls=int(np.median([same[0].calls[stage] for same in steady])),
            )
    return costs


def lines_of(costs: dict[str, Cost]) -> list[dict[str, Any]]:
    """Return a line per stage, and the totals of a window."""
    lines: list[dict[str, Any]] = []
    for stage, cost in costs.items():
        if stage in ('prepare', 'refine'):
            continue
        unit = _UNITS.get(stage, 'frame')
        number = _SIZE - _OVERLAP if stage.startswith('depth') else cost.calls
        lines.append(
            {
                'stage': stage,
                'per': unit,
                'per_window': number,
                'ms': round(1e3 * cost.seconds / max(number, 1), 2),
                'cpu_ms': round(1e3 * cost.cpu_s / max(number, 1), 2),
                'window_s': round(cost.seconds, 4),
            }
        )
    depth = [cost for stage, cost in costs.items() if stage.startswith('depth')]
    on_arrival, in_map = costs['prepare'], costs['refine']
    depth_s, depth_cpu_s = sum(c.seconds for c in depth), sum(c.cpu_s for c in depth)
    totals = {
        'on arrival, beside the network': (on_arrival.seconds, on_arrival.cpu_s),
        'poses, in the stage of the map': (in_map.seconds - depth_s, in_map.cpu_s - depth_cpu_s),
        'depth, in the stage of the map': (depth_s, depth_cpu_s),
        'everything': (on_arrival.seconds + in_map.seconds, on_arrival.cpu_s + in_map.cpu_s),
    }
    return [
        *lines,
        *(
            {'total': name, 's': round(seconds, 4), 'cpu_s': round(cpu_s, 4)}
            for name, (seconds, cpu_s) in totals.items()
        ),
    ]


class _TimedOptimizer:
    """Levenberg and Marquardt whose iterations are timed."""

    def __init__(self, optimizer: Any, iterate_s: list[float]) -> None:
        self._optimizer = optimizer
        self._iterate_s = iterate_s

    def iterate(self) -> None:
        start_s = time.perf_counter()
        self._optimizer.iterate()
        self._iterate_s.append(time.perf_counter() - start_s)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizer, name)


def lock_time(course: Course, frames: list[Frame]) -> LockTime:
    """Send a mapper over a course beside a ticking thread."""
    create = gtsam.LevenbergMarquardtOptimizer
    iterate_s: list[float] = []
    # Ticks count while bundles are adjusted: other stages release the lock in their own way.
    is_adjusting, is_over = threading.Event(), threading.Event()
    gaps_s = [0.0]

    def tick() -> None:
        last_s = time.perf_counter()
        while not is_over.is_set():
            time.sleep(_TICK_S)
            now_s = time.perf_counter()
            if is_adjusting.is_set():
                gaps_s.append(now_s - last_s)
            last_s = now_s

    adjust = _resolve(f'{_PACKAGE}.refinement.coarse_to_fine').adjust

    def watched(*words: Any, **named: Any) -> Any:
        is_adjusting.set()
        try:
            return adjust(*words, **named)
        finally:
            is_adjusting.clear()

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        with (
            patch.object(
                gtsam,
                'LevenbergMarquardtOptimizer',
                lambda *words: _TimedOptimizer(create(*words), iterate_s),
            ),
            patch(f'{_PACKAGE}.refinement.coarse_to_fine.adjust', watched),
        ):
            window_times(course, frames, 'poses')
    finally:
        is_over.set()
        thread.join()
    return LockTime(iterate_s=iterate_s, longest_gap_s=max(gaps_s))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--windows', type=int, default=10, help=f'more than {_FIRST_STEADY}')
    parser.add_argument('--mode', default='depth', choices=('verify', 'poses', 'depth'))
    options = parser.parse_args()
    if options.windows <= _FIRST_STEADY:
        parser.error(f'--windows has to be more than {_FIRST_STEADY}; got {options.windows}')
    course, frames = painted_course(options.windows)
    window_times(course, frames, options.mode)  # what is slow only once
    rounds = [window_times(course, frames, options.mode) for _ in range(options.rounds)]
    for line in lines_of(stage_costs(rounds)):
        _print(line)
    found = [lock_time(course, frames) for _ in range(options.rounds)]
    calls_s = np.array(found[0].iterate_s)
    for other in found[1:]:
        calls_s = np.minimum(calls_s, other.iterate_s)
    _print(
        {
            'iterate_ms_median': round(1e3 * float(np.median(calls_s)), 2),
            'iterate_ms_longest': round(1e3 * float(calls_s.max()), 2),
            'longest_gap_ms': round(1e3 * min(each.longest_gap_s for each in found), 2),
            'iterations_per_window': round(len(calls_s) / options.windows, 1),
            'machine': machine_name(torch.device('cpu')),
        }
    )
    return 0


def _print(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + '\n')


if __name__ == '__main__':
    sys.exit(main())
