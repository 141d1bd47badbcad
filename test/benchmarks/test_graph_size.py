import numpy as np
import pytest

from benchmarks.graph_size import building, round_and_round, timed, without_loops
from vggt_ros.mapping.backend.pose_graph import optimize
from vggt_ros.mapping.backend.whole_graph import optimize_whole


@pytest.mark.parametrize(('make', 'size'), [(round_and_round, 450), (building, 400)])
def test_both_ways_come_to_the_same(make, size):
    places, edges = make(size, 20, seed=0)
    start = without_loops(places, edges)
    found = optimize(start, edges, is_rigid=True)
    plain = optimize_whole(start, edges, is_rigid=True, ups={})
    sigma = np.sqrt(plain.newest_covariance[3, 3])
    for k, place in plain.map_from_submap.items():
        moved = found.map_from_submap[k].translation - place.translation
        assert np.linalg.norm(moved) < 0.02 * sigma
    assert sum(edge.is_loop for edge in edges) == 20


def test_a_solution_is_timed():
    places, edges = building(100, 3, seed=0)
    assert set(timed(optimize, places, edges, 1)) == {'cpu_ms', 'ms'}
