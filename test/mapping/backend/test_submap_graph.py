import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.backend import submap_graph
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.submap_graph import SubmapGraph

NOISE = isotropic(0.01, 0.05, 0.01)


def place(x, y, yaw=0.0, scale=1.0):
    turn = matrix_from_rotation_vector(np.array([0.0, 0.0, float(yaw)]))
    return Sim3(float(scale), turn, np.array([float(x), float(y), 0.0]))


def square(graph, drift=0.0):
    """Drive round a square of four sides and come back to its first corner, but for a drift."""
    corners = [place(0, 0), place(4, 0, 1.57), place(4, 4, 3.14), place(0, 4, 4.71)]
    for k, corner in enumerate([*corners, place(drift, 0)]):
        graph.add(corner, NOISE if k else None)
    return graph


def loop_edge(i, j, i_from_j):
    return Edge(i=i, j=j, i_from_j=i_from_j, covariance=1e-4 * NOISE, is_loop=True)


def test_the_farther_the_less_is_known():
    graph = square(SubmapGraph())
    sigmas = [np.sqrt(np.trace(graph[k].covariance[3:6, 3:6])) for k in range(5)]
    assert sigmas[0] == 0.0
    assert all(np.diff(sigmas) > 0)
    assert graph.newest.id == 4
    assert graph.is_connected


def test_a_loop_brings_the_end_back_to_the_beginning_and_spreads_the_rest():
    graph = square(SubmapGraph(), drift=0.6)
    before = graph[2].map_from_submap.translation
    sigma = np.sqrt(np.trace(graph[4].covariance[3:6, 3:6]))
    correction = graph.close(loop_edge(0, 4, place(0, 0)), is_rigid=True)
    assert np.linalg.norm(graph[4].map_from_submap.translation) < 0.02
    moved = np.linalg.norm(graph[2].map_from_submap.translation - before)
    assert 0.05 < moved < 0.6
    assert set(correction) == set(range(5))
    np.testing.assert_allclose(
        correction[2].apply(before), graph[2].map_from_submap.translation, atol=1e-9
    )
    assert np.sqrt(np.trace(graph[4].covariance[3:6, 3:6])) < 0.1 * sigma
    assert graph.num_loops == 1


def test_a_loop_that_contradicts_everything_is_refused_and_changes_nothing():
    graph = square(SubmapGraph())
    for _ in range(3):
        graph.close(loop_edge(0, 4, place(0, 0)), is_rigid=True)
    before = graph[4].map_from_submap.translation
    assert graph.close(loop_edge(0, 4, place(3, 0)), is_rigid=True) == {}
    np.testing.assert_array_equal(graph[4].map_from_submap.translation, before)
    assert (graph.num_loops, graph.num_loops_refused) == (3, 1)


def test_closed_loops_are_told_in_the_unit_of_the_map_as_it_is_now():
    graph = square(SubmapGraph(), drift=0.6)
    assert graph.loops == ()
    graph.close(loop_edge(0, 4, place(0.3, 0)), is_rigid=False)
    graph.close(loop_edge(1, 3, place(9, 9)), is_rigid=False)  # refused
    (loop,) = graph.loops
    assert (loop.old.id, loop.new.id) == (0, 4)
    np.testing.assert_allclose(loop.old_from_new.translation, [0.3, 0, 0])
    graph.rescale(place(0, 0, scale=2.0))
    (loop,) = graph.loops
    np.testing.assert_allclose(loop.old_from_new.translation, [0.6, 0, 0])
    assert loop.new is graph[4]


@pytest.mark.parametrize('is_rigid', [True, False])
def test_a_segment_is_a_guess_until_a_loop_ties_it_to_the_map(is_rigid):
    graph = SubmapGraph()
    graph.add(place(0, 0), None)
    graph.add(place(1, 0), NOISE)
    graph.add(place(1, 0), None)
    graph.add(place(2, 0), NOISE)
    assert [graph[k].segment for k in range(4)] == [0, 0, 1, 1]
    assert not graph.is_connected
    seen = place(0, 3, scale=1.0 if is_rigid else 2.0)
    correction = graph.close(loop_edge(0, 2, seen), is_rigid=is_rigid)
    assert graph.is_connected
    np.testing.assert_allclose(graph[0].map_from_submap.translation, 0, atol=1e-5)
    np.testing.assert_allclose(graph[1].map_from_submap.translation, [1, 0, 0], atol=1e-5)
    np.testing.assert_allclose(graph[2].map_from_submap.translation, [0, 3, 0], atol=1e-4)
    end = [1, 3, 0] if is_rigid else [2, 3, 0]
    np.testing.assert_allclose(graph[3].map_from_submap.translation, end, atol=1e-3)
    np.testing.assert_allclose(correction[3].apply(np.array([2.0, 0.0, 0.0])), end, atol=1e-3)


def test_a_new_unit_moves_places_and_what_lies_between_them():
    graph = square(SubmapGraph())
    about = np.array([1.0, 2.0, 0.0])
    map_from_old_map = Sim3(2.0, np.eye(3), about - 2.0 * about)
    correction = graph.rescale(map_from_old_map)
    np.testing.assert_allclose(graph[2].map_from_submap.translation, [7, 6, 0])
    assert graph[2].map_from_submap.scale == 1.0
    assert correction[3] is map_from_old_map
    # The graph agrees with itself in the new unit: a loop that says what is there moves nothing.
    graph.close(loop_edge(0, 4, place(0, 0)), is_rigid=True)
    np.testing.assert_allclose(graph[2].map_from_submap.translation, [7, 6, 0], atol=1e-3)


def test_the_number_of_submaps_is_bounded(monkeypatch):
    monkeypatch.setattr(submap_graph, 'MAX_SUBMAPS', 10)
    graph = SubmapGraph()
    for k in range(30):
        graph.add(place(k, 0), NOISE if k else None)
    assert len(graph) == 10
    assert 19 not in graph
    graph.close(loop_edge(21, 29, place(8, 0)), is_rigid=True)
    np.testing.assert_allclose(graph[29].map_from_submap.translation, [29, 0, 0], atol=1e-3)


def test_ids_are_not_used_again():
    graph = square(SubmapGraph())
    graph.clear()
    assert graph.newest is None
    assert graph.add(place(0, 0), None).id == 5
    assert graph.is_connected


def test_a_graph_without_its_middle_says_the_same_of_the_rest():
    whole, few = square(SubmapGraph(), drift=0.6), square(SubmapGraph(), drift=0.6)
    hubs = few.marginalize([2])
    assert hubs == {2: 1} or hubs == {2: 3}
    assert [each.id for each in few.submaps] == [0, 1, 3, 4]
    assert sorted((edge.i, edge.j) for edge in few.edges) == [(0, 1), (1, 3), (3, 4)]
    for graph in (whole, few):
        graph.close(loop_edge(0, 4, place(0, 0)), is_rigid=True)
    for k in (1, 3, 4):
        np.testing.assert_allclose(
            few[k].map_from_submap.translation, whole[k].map_from_submap.translation, atol=0.03
        )
    assert few.add(place(1, 0), NOISE).id == 5


def test_a_submap_that_nothing_that_stays_is_tied_to_stays():
    graph = square(SubmapGraph())
    assert graph.marginalize([]) == {}
    assert graph.marginalize([each.id for each in graph.submaps]) == {}
    assert len(graph) == 5


def test_segments_that_were_tied_to_the_map_are_counted_no_more():
    graph = SubmapGraph()
    graph.add(place(0, 0), None)
    for k in range(1, 6):
        graph.add(place(k, 0), None)
        graph.add(place(k, 0), NOISE)
        graph.close(loop_edge(0, graph.newest.id, place(k, 0)), is_rigid=True)
    graph.add(place(9, 0), None)
    assert graph.newest.segment == 6
    assert set(graph.marginalize([1, 2, 3, 4, 5, 6, 7, 8])) == set(range(1, 9))
    assert [each.segment for each in graph.submaps] == [0, 0, 0, 1]
    assert graph.add(place(0, 0), None).segment == 2
