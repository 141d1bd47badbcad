"""A robot that walks through one building all day: does its map grow with every visit?

    .venv/bin/python -m benchmarks.long_life [--frames 100000] [--lap 2000] [--all-submaps]

The network is simulated, with errors like VGGT's, and every frame is a keyframe. The robot goes
round a building again and again, each time a little beside where it went before. Prints a JSON
line per tenth of the way with what the map has become: submaps, edges, stored keyframes, resident
memory, the size of the session on disk, how long windows and loops take, and the error of the
newest lap after the best similarity. Exits 1 if anything of the last tenth is over its limit
against the first tenth in which the building was known.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from dataclasses import replace
import json
from pathlib import Path
import sys
import tempfile
import time

from jaxtyping import Float
import numpy as np

from vggt_ros.evaluation.course_run import drive
from vggt_ros.evaluation.trajectory import trajectory_error
from vggt_ros.mapping.backend.submap_graph import SubmapGraph
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.session.session_folder import write_session
from vggt_ros.ros.middleware.memory import release_free, resident_mb
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import Course, make_course
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor

_PERIOD_NS = 100_000_000
# The course goes round once and 6 % further, and its round corners make the way shorter by so many
# frames.
_COURSE_PER_LAP, _CORNER_FRAMES = 1.06, 21.5
_BESIDE_M = 0.2
_SETTINGS = {
    'keyframe.min_parallax': 0.0,
    'window.overlap': 2,
    'refine.mode': 'off',
    'map.voxel_size': 0.1,
    'map.max_points': 200_000,
    'occupancy.enable': True,
}
LIMITS = {'submaps': 1.1, 'edges': 1.2, 'session_mb': 1.1, 'resident_mb': 1.1, 'window_ms': 1.5}


def walked_again(lap_frames: int, num_frames: int, seed: int) -> Course:
    """Return a way round a corridor, once in `lap_frames` frames, again and again.

    No lap is quite like another: the camera is up to 0.2 m beside where it was.
    """
    course_frames = round(_COURSE_PER_LAP * (lap_frames + _CORNER_FRAMES))
    once = make_course('corridor_loop', course_frames, seed)
    index = np.arange(num_frames)
    poses: Float[np.ndarray, 'N 4 4'] = once.world_from_cam[index % lap_frames].copy()
    rng = np.random.default_rng([seed, 7])
    lap_of = index // lap_frames
    waves = rng.integers(1, 6, lap_of.max() + 1)[lap_of]
    phase = 2 * np.pi * waves * (index % lap_frames) / lap_frames
    poses[:, :3, 3] += _BESIDE_M * np.sin(phase)[:, None] * poses[:, :3, 0]
    return replace(once, world_from_cam=poses)


class _GraphOfAll(SubmapGraph):
    def marginalize(self, ids: Collection[int]) -> Mapping[int, int]:
        return {}


class LongWalk:
    """A mapper on its way, and what is noted of it.

    Attributes:
        mapper: The mapper.
        lines: What was noted, oldest first.
    """

    def __init__(
        self, course: Course, lap_frames: int, *, keeps_all: bool = False, seed: int = 0
    ) -> None:
        """Start at the beginning of the course.

        Args:
            course: The way.
            lap_frames: Frames of a lap.
            keeps_all: True to take no submaps out of the graph.
            seed: Of the errors.
        """
        self._course, self._lap = course, lap_frames
        # Of the path only the newest lap is kept: the error is that of what is published now.
        config = with_values(VggtConfig(), _SETTINGS | {'path.max_size': lap_frames})
        self.mapper = Mapper(SimulatedPredictor(course, seed=seed), config, offline=True)
        if keeps_all:
            self.mapper.map.graph = _GraphOfAll()
        self.lines: list[dict[str, float]] = []

    def walk(self, num_notes: int) -> None:
        """Walk all of the course and note things so many times."""
        window_s: list[float] = []
        loop_s: list[float] = []
        marks = 0
        step, num_loops = len(self._course) / num_notes, 0
        for update in drive(self._course, self.mapper):
            if update is None:
                continue
            loops = self.mapper.snapshot().num_loops
            (window_s if loops == num_loops else loop_s).append(update.latency_s)
            num_loops = loops
            if update.new_frames[-1].frame.id + 8 >= (marks + 1) * step:
                marks += 1
                self.lines.append(self._noted(window_s, loop_s) | {'loops': num_loops})
                _print(self.lines[-1])
                window_s, loop_s = [], []

    def _noted(self, window_s: list[float], loop_s: list[float]) -> dict[str, float]:
        current = self.mapper.map
        release_free()
        session = current.session()
        with tempfile.TemporaryDirectory() as folder:
            start_s = time.monotonic()
            size = write_session(Path(folder), session, software=__name__, settings={})
            save_s = time.monotonic() - start_s
        path = current.path()
        index = np.rint(path.stamps_ns / _PERIOD_NS).astype(int) - 1
        error = trajectory_error(path.map_from_cam, self._course.world_from_cam[index])
        return {
            'frames': int(index[-1]) + 1,
            'submaps': len(session.submaps),
            'edges': len(session.edges),
            'keyframes': len(session.keyframes),
            'scans': len(session.scans),
            'points': len(session.voxels.hits),
            'resident_mb': round(resident_mb(), 1),
            'session_mb': round(1e-6 * size, 2),
            'save_s': round(save_s, 2),
            'window_ms': round(1e3 * float(np.median(window_s)), 1),
            'loop_ms': round(1e3 * float(np.median(loop_s)), 1) if loop_s else 0.0,
            'loop_max_ms': round(1e3 * max(loop_s, default=0.0), 1),
            'ate_percent_of_lap': round(error.ate_percent, 3),
        }


def growth(lines: list[dict[str, float]], known_after: int) -> dict[str, float]:
    """Return the last line over that in which the building was known."""
    return {name: round(lines[-1][name] / lines[known_after][name], 3) for name in LIMITS}


def main() -> int:
    """Walk; 0 if nothing grew."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--frames', type=int, default=100_000)
    parser.add_argument('--lap', type=int, default=2000, help='frames once round the building')
    parser.add_argument('--notes', type=int, default=10)
    parser.add_argument('--all-submaps', action='store_true', help='for comparison: thin nothing')
    options = parser.parse_args()
    course = walked_again(options.lap, options.frames, seed=0)
    walk = LongWalk(course, options.lap, keeps_all=options.all_submaps)
    walk.walk(options.notes)
    # A place is full after its third visit.
    known_after = int(np.ceil(4 * options.lap * options.notes / options.frames))
    found = growth(walk.lines, min(known_after, options.notes - 2))
    _print({'growth': found})
    return 0 if all(found[name] <= limit for name, limit in LIMITS.items()) else 1


def _print(line: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
