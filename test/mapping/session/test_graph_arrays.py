import numpy as np
import pytest

from vggt_ros.errors import SessionError
from vggt_ros.mapping.session.checked_arrays import CheckedArrays
from vggt_ros.mapping.session.graph_arrays import arrays_of_graph, graph_of_arrays


def test_a_graph_comes_back_with_its_covariances_and_loops(session):
    arrays = arrays_of_graph(session.submaps, session.edges)
    submaps, edges = graph_of_arrays(CheckedArrays('graph', arrays))
    assert [each.id for each in submaps] == [each.id for each in session.submaps]
    assert [(e.i, e.j, e.is_loop) for e in edges] == [(e.i, e.j, e.is_loop) for e in session.edges]
    assert edges[-1].is_loop
    np.testing.assert_array_equal(edges[-1].covariance, session.edges[-1].covariance)
    np.testing.assert_array_equal(
        edges[0].i_from_j.translation, session.edges[0].i_from_j.translation
    )


def test_no_submaps_and_no_edges_are_a_graph():
    submaps, edges = graph_of_arrays(CheckedArrays('graph', arrays_of_graph((), ())))
    assert (submaps, edges) == ((), ())


def test_an_edge_from_a_submap_to_itself_is_refused(session):
    arrays = arrays_of_graph(session.submaps, session.edges)
    arrays['edge.ids'][0] = arrays['submap.id'][0]
    with pytest.raises(SessionError, match='one twice'):
        graph_of_arrays(CheckedArrays('graph', arrays))
