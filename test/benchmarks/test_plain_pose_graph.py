import numpy as np
import pytest

from benchmarks.graph_size import building, without_loops
from benchmarks.plain_pose_graph import optimize_plainly
from vggt_ros.errors import AlignmentError


def test_loops_make_the_way_better():
    places, edges = building(100, 8, seed=0)
    start = without_loops(places, edges)
    found = optimize_plainly(start, edges, is_rigid=True).map_from_submap
    errors = [
        np.mean([np.linalg.norm(each[k].translation - places[k].translation) for k in places])
        for each in (start, found)
    ]
    assert errors[1] < errors[0]


def test_a_submap_that_is_tied_to_nothing_is_refused():
    places, edges = building(10, 1, seed=0)
    with pytest.raises(AlignmentError, match='no single solution'):
        optimize_plainly(places, edges[:5], is_rigid=True)
