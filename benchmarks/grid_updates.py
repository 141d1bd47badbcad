"""What the occupancy grid costs on its way to a planner, whole every time and with updates.

    .venv/bin/python -m benchmarks.grid_updates [--courses corridor_loop figure_eight]
        [--frames 300] [--seed 0]

The network is simulated, with errors like VGGT's; every window offers the grid once. Prints for
each course the cells of the last grid, how many times it went out whole and as an update, the kB
per offer, and what finding the difference takes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from vggt_ros.evaluation.course_run import drive
from vggt_ros.mapping.layers.occupancy_change import OccupancyChanges, OccupancyPatch
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import COURSES, make_course
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor

_SETTINGS = {
    'keyframe.min_parallax': 0.0,
    'refine.mode': 'off',
    'map.enable': False,
    'occupancy.enable': True,
}


def course_line(name: str, num_frames: int, seed: int) -> str:
    """Drive a course and return what was found, as a line."""
    course = make_course(name, num_frames, seed)
    config = with_values(VggtConfig(), _SETTINGS)
    mapper = Mapper(SimulatedPredictor(course, seed=seed), config, offline=True)
    changes = OccupancyChanges()
    whole_kb, update_kb, offered_kb, difference_ms = [], [], [], []
    shape = (0, 0)
    for update in drive(course, mapper):
        grid = None if update is None else mapper.map.occupancy()
        if grid is None:
            continue
        shape = grid.cells.shape
        start_s = time.perf_counter()
        sent = changes.next(grid)
        difference_ms.append(1e3 * (time.perf_counter() - start_s))
        offered_kb.append(1e-3 * grid.cells.size)
        if isinstance(sent, OccupancyPatch):
            update_kb.append(1e-3 * sent.cells.size)
        elif sent is not None:
            whole_kb.append(1e-3 * sent.cells.size)
    offers = len(offered_kb)
    return (
        f'{name:14} {shape[0]} x {shape[1]} cells; {len(whole_kb)} whole, {len(update_kb)} '
        f'updates; {sum(offered_kb) / offers:.0f} kB per offer whole every time, '
        f'{(sum(whole_kb) + sum(update_kb)) / offers:.0f} kB with updates; difference '
        f'{statistics.median(difference_ms):.2f} ms'
    )


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each course."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    moving = [each for each in COURSES if each != 'parked']
    parser.add_argument('--courses', nargs='*', default=moving, choices=moving)
    parser.add_argument('--frames', type=int, default=300)
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(arguments)
    for name in options.courses:
        sys.stdout.write(course_line(name, options.frames, options.seed) + '\n')
        sys.stdout.flush()
    return 0


if __name__ == '__main__':
    sys.exit(main())
