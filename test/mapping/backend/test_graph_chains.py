import numpy as np
import pytest

from vggt_ros.mapping.backend.graph_chains import chains_of


def chains(edges, num_submaps, loops=()):
    i, j = np.array([*edges, *loops], dtype=np.int64).T
    return chains_of(i, j, np.arange(len(i)) >= len(edges), num_submaps)


def ways(found):
    """The rows of submaps that every chain leads through."""
    starts = found.ends[found.first].tolist()
    bounds = [*found.start.tolist(), len(found.edge)]
    return [
        [start, *found.to[bounds[c] : bounds[c + 1]].tolist()] for c, start in enumerate(starts)
    ]


def test_a_way_without_forks_is_one_chain():
    found = chains([(0, 1), (1, 2), (2, 3)], 4)
    assert found.ends.tolist() == [0, 3]
    assert ways(found) in ([[0, 1, 2, 3]], [[3, 2, 1, 0]])
    assert set(found.sign.tolist()) == ({1.0} if ways(found)[0][0] == 0 else {-1.0})


def test_loops_and_forks_end_chains():
    found = chains([(k, k + 1) for k in range(9)] + [(4, 10), (10, 11), (11, 12)], 13, [(2, 7)])
    assert found.ends.tolist() == [0, 2, 4, 7, 9, 12]
    expected = [{0, 1, 2}, {2, 3, 4}, {4, 5, 6, 7}, {7, 8, 9}, {4, 10, 11, 12}, {2, 7}]
    assert sorted(map(sorted, ways(found))) == sorted(map(sorted, expected))
    assert sorted(found.edge.tolist()) == list(range(13))


def test_edges_that_are_told_the_other_way_round_have_the_other_sign():
    found = chains([(0, 1), (2, 1), (2, 3)], 4)
    assert found.sign.tolist() in ([1.0, -1.0, 1.0], [-1.0, 1.0, -1.0])


def test_a_way_back_to_where_it_forked_is_a_chain_of_one_end():
    found = chains([(0, 1), (1, 2), (2, 3), (3, 1), (1, 4)], 5)
    assert sorted(map(sorted, ways(found))) == [[0, 1], [1, 1, 2, 3], [1, 4]]


def test_sums_begin_again_with_every_chain():
    found = chains([(k, k + 1) for k in range(6)], 7, [(0, 3)])
    ones = np.ones((len(found.edge), 2))
    along = found.along(ones)
    assert along.max() == 3.0
    np.testing.assert_array_equal(found.whole(ones), along[found.final])
    assert found.whole(ones).sum() == pytest.approx(7 * 2)
