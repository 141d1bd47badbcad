import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.backend import submap_chain
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.submap_chain import SubmapChain

NOISE = isotropic(0.01, 0.05, 0.01)


def place(x, y, yaw=0.0, scale=1.0):
    turn = matrix_from_rotation_vector(np.array([0.0, 0.0, float(yaw)]))
    return Sim3(float(scale), turn, np.array([float(x), float(y), 0.0]))


def square(chain, drift=0.0):
    """Drive round a square of four sides and come back to its first corner, but for a drift."""
    corners = [place(0, 0), place(4, 0, 1.57), place(4, 4, 3.14), place(0, 4, 4.71)]
    for k, corner in enumerate([*corners, place(drift, 0)]):
        chain.add(corner, NOISE if k else None)
    return chain


def loop_edge(i, j, i_from_j):
    return Edge(i=i, j=j, i_from_j=i_from_j, covariance=1e-4 * NOISE, is_loop=True)


def test_the_farther_the_less_is_known():
    chain = square(SubmapChain())
    sigmas = [np.sqrt(np.trace(chain[k].covariance[3:6, 3:6])) for k in range(5)]
    assert sigmas[0] == 0.0
    assert all(np.diff(sigmas) > 0)
    assert chain.newest.id == 4
    assert chain.is_tied


def test_a_loop_brings_the_end_back_to_the_beginning_and_spreads_the_rest():
    chain = square(SubmapChain(), drift=0.6)
    before = chain[2].map_from_submap.translation
    sigma = np.sqrt(np.trace(chain[4].covariance[3:6, 3:6]))
    correction = chain.close(loop_edge(0, 4, place(0, 0)), is_rigid=True)
    assert np.linalg.norm(chain[4].map_from_submap.translation) < 0.02
    moved = np.linalg.norm(chain[2].map_from_submap.translation - before)
    assert 0.05 < moved < 0.6
    assert set(correction) == set(range(5))
    np.testing.assert_allclose(
        correction[2].apply(before), chain[2].map_from_submap.translation, atol=1e-9
    )
    assert np.sqrt(np.trace(chain[4].covariance[3:6, 3:6])) < 0.1 * sigma
    assert chain.num_loops == 1


def test_a_loop_that_contradicts_everything_is_refused_and_changes_nothing():
    chain = square(SubmapChain())
    for _ in range(3):
        chain.close(loop_edge(0, 4, place(0, 0)), is_rigid=True)
    before = chain[4].map_from_submap.translation
    assert chain.close(loop_edge(0, 4, place(3, 0)), is_rigid=True) == {}
    np.testing.assert_array_equal(chain[4].map_from_submap.translation, before)
    assert (chain.num_loops, chain.num_loops_refused) == (3, 1)


def test_closed_loops_are_told_in_the_unit_of_the_map_as_it_is_now():
    chain = square(SubmapChain(), drift=0.6)
    assert chain.loops == ()
    chain.close(loop_edge(0, 4, place(0.3, 0)), is_rigid=False)
    chain.close(loop_edge(1, 3, place(9, 9)), is_rigid=False)  # refused
    (loop,) = chain.loops
    assert (loop.old.id, loop.new.id) == (0, 4)
    np.testing.assert_allclose(loop.old_from_new.translation, [0.3, 0, 0])
    chain.rescale(place(0, 0, scale=2.0))
    (loop,) = chain.loops
    np.testing.assert_allclose(loop.old_from_new.translation, [0.6, 0, 0])
    assert loop.new is chain[4]


@pytest.mark.parametrize('is_rigid', [True, False])
def test_a_segment_is_a_guess_until_a_loop_ties_it_to_the_map(is_rigid):
    chain = SubmapChain()
    chain.add(place(0, 0), None)
    chain.add(place(1, 0), NOISE)
    chain.add(place(1, 0), None)
    chain.add(place(2, 0), NOISE)
    assert [chain[k].segment for k in range(4)] == [0, 0, 1, 1]
    assert not chain.is_tied
    seen = place(0, 3, scale=1.0 if is_rigid else 2.0)
    correction = chain.close(loop_edge(0, 2, seen), is_rigid=is_rigid)
    assert chain.is_tied
    np.testing.assert_allclose(chain[0].map_from_submap.translation, 0, atol=1e-5)
    np.testing.assert_allclose(chain[1].map_from_submap.translation, [1, 0, 0], atol=1e-5)
    np.testing.assert_allclose(chain[2].map_from_submap.translation, [0, 3, 0], atol=1e-4)
    end = [1, 3, 0] if is_rigid else [2, 3, 0]
    np.testing.assert_allclose(chain[3].map_from_submap.translation, end, atol=1e-3)
    np.testing.assert_allclose(correction[3].apply(np.array([2.0, 0.0, 0.0])), end, atol=1e-3)


def test_a_new_unit_moves_places_and_what_lies_between_them():
    chain = square(SubmapChain())
    about = np.array([1.0, 2.0, 0.0])
    map_from_old_map = Sim3(2.0, np.eye(3), about - 2.0 * about)
    correction = chain.rescale(map_from_old_map)
    np.testing.assert_allclose(chain[2].map_from_submap.translation, [7, 6, 0])
    assert chain[2].map_from_submap.scale == 1.0
    assert correction[3] is map_from_old_map
    # The graph agrees with itself in the new unit: a loop that says what is there moves nothing.
    chain.close(loop_edge(0, 4, place(0, 0)), is_rigid=True)
    np.testing.assert_allclose(chain[2].map_from_submap.translation, [7, 6, 0], atol=1e-3)


def test_the_number_of_submaps_is_bounded(monkeypatch):
    monkeypatch.setattr(submap_chain, 'MAX_SUBMAPS', 10)
    chain = SubmapChain()
    for k in range(30):
        chain.add(place(k, 0), NOISE if k else None)
    assert len(chain) == 10
    assert 19 not in chain
    chain.close(loop_edge(21, 29, place(8, 0)), is_rigid=True)
    np.testing.assert_allclose(chain[29].map_from_submap.translation, [29, 0, 0], atol=1e-3)


def test_ids_are_not_used_again():
    chain = square(SubmapChain())
    chain.clear()
    assert chain.newest is None
    assert chain.add(place(0, 0), None).id == 5
    assert chain.is_tied
