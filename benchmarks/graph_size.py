"""How long a pose graph of 10,000 submaps takes, chain by chain and as a whole.

    .venv/bin/python -m benchmarks.graph_size [--submaps 10000] [--repeats 3] [--plain]

Two kinds of graphs: a robot that goes round and round, with loops between any two of its laps; and
a building of corridors in which a submap knows its neighbors and, here and there, those of the
corridor beside it, as the graph is after submaps of revisited places were taken out. Cold is from
where the robot itself would be without loops; warm is one more loop in a graph that was solved.
Prints a JSON line for each. Milliseconds of the processor's time and of the clock: the best of the
repeats.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
import json
import sys
import time

import numpy as np

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.twist import sim3_of
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.backend.pose_graph import Edge, optimize, Solution
from vggt_ros.mapping.backend.whole_graph import optimize_whole

Places = Mapping[int, Sim3]
Optimize = Callable[..., Solution]
_SIGMAS = (0.002, 0.01, 0.002)
_PER_LAP, _RADIUS_M = 200, 20.0


def round_and_round(num_submaps: int, num_loops: int, seed: int) -> tuple[Places, list[Edge]]:
    """Return true places on a circle, and edges with errors: the way, then loops between laps."""
    rng = np.random.default_rng(seed)
    angles = 2 * np.pi * np.arange(num_submaps) / _PER_LAP
    places = {k: _on_circle(angle) for k, angle in enumerate(angles)}
    edges = [_edge(places, k, k + 1, rng) for k in range(num_submaps - 1)]
    for _ in range(num_loops):
        j = int(rng.integers(_PER_LAP + 1, num_submaps))
        i = j - _PER_LAP * int(rng.integers(1, j // _PER_LAP + 1))
        edges.append(_edge(places, i, j, rng, is_loop=True))
    return places, edges


def building(num_submaps: int, num_loops: int, seed: int) -> tuple[Places, list[Edge]]:
    """Return one way up and down through corridors, and loops to the corridor beside."""
    rng = np.random.default_rng(seed)
    lane = int(np.sqrt(num_submaps))
    places = {}
    for k in range(num_submaps):
        row, along = divmod(k, lane)
        x = along if row % 2 == 0 else lane - 1 - along
        turn = matrix_from_rotation_vector(np.array([0.0, 0.0, np.pi * (row % 2)]))
        places[k] = Sim3(1.0, turn, np.array([float(x), float(row), 0.0]))
    edges = [_edge(places, k, k + 1, rng) for k in range(num_submaps - 1)]
    for j in rng.choice(np.arange(lane, num_submaps), num_loops, replace=False).tolist():
        row, along = divmod(j, lane)
        edges.append(_edge(places, row * lane - 1 - along, j, rng, is_loop=True))
    return places, edges


def without_loops(places: Places, edges: Sequence[Edge]) -> Places:
    """Return where everything is by the way alone."""
    found = {0: places[0]}
    for edge in edges[: len(places) - 1]:
        found[edge.j] = found[edge.i] @ edge.i_from_j
    return found


def timed(solve: Optimize, start: Places, edges: Sequence[Edge], repeats: int) -> dict[str, float]:
    """Return the least milliseconds of a solution; the scale is known."""
    cpu, clock = [], []
    for _ in range(repeats):
        cpu_s, clock_s = time.process_time(), time.perf_counter()
        solve(start, edges, is_rigid=True)
        cpu.append(time.process_time() - cpu_s)
        clock.append(time.perf_counter() - clock_s)
    return {'cpu_ms': round(1e3 * min(cpu), 1), 'ms': round(1e3 * min(clock), 1)}


def main() -> int:
    """Measure; 0."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--submaps', type=int, default=10_000)
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--plain', action='store_true', help='the plain solution, too')
    options = parser.parse_args()
    ways: dict[str, Optimize] = {'chains': optimize}
    if options.plain:
        ways['plain'] = partial(optimize_whole, ups={})
    for make in (round_and_round, building):
        for num_loops in (10, 100, 1000):
            places, edges = make(options.submaps, num_loops, seed=0)
            start = without_loops(places, edges)
            solved = optimize(start, edges[:-1], is_rigid=True).map_from_submap
            for name, solve in ways.items():
                line = {
                    'graph': make.__name__,
                    'submaps': options.submaps,
                    'loops': num_loops,
                    'by': name,
                    'cold': timed(solve, start, edges, options.repeats),
                    'warm': timed(solve, solved, edges, options.repeats),
                }
                sys.stdout.write(json.dumps(line) + '\n')
                sys.stdout.flush()
    return 0


def _on_circle(angle: float) -> Sim3:
    turn = matrix_from_rotation_vector(np.array([0.0, 0.0, angle]))
    return Sim3(1.0, turn, _RADIUS_M * np.array([np.cos(angle), np.sin(angle), 0.0]))


def _edge(
    places: Places, i: int, j: int, rng: np.random.Generator, *, is_loop: bool = False
) -> Edge:
    twist = np.concatenate([_SIGMAS[0] * rng.normal(size=3), _SIGMAS[1] * rng.normal(size=3), [0]])
    i_from_j = places[i].inverse() @ places[j] @ sim3_of(twist)
    return Edge(i=i, j=j, i_from_j=i_from_j, covariance=isotropic(*_SIGMAS), is_loop=is_loop)


if __name__ == '__main__':
    sys.exit(main())
