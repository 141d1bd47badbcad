from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import SessionError
from vggt_ros.mapping.registration.up_direction import UpDirection
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


def arrays_with_up(session):
    up = UpDirection(along_axes=np.array([0.0, -0.6, 0.8]), sigma_rad=0.02)
    submaps = [replace(session.submaps[0], up=up), *session.submaps[1:]]
    return arrays_of_graph(submaps, session.edges)


def test_gravity_of_submaps_comes_back_and_older_maps_have_none(session):
    arrays = arrays_with_up(session)
    submaps, _ = graph_of_arrays(CheckedArrays('graph', arrays))
    np.testing.assert_array_equal(submaps[0].up.along_axes, [0.0, -0.6, 0.8])
    assert submaps[0].up.sigma_rad == 0.02
    assert submaps[1].up is None
    older = {name: array for name, array in arrays.items() if '.up' not in name}
    submaps, _ = graph_of_arrays(CheckedArrays('graph', older))
    assert all(each.up is None for each in submaps)


@pytest.mark.parametrize(
    ('name', 'value', 'problem'),
    [('submap.up', 0.1, 'length 1'), ('submap.up_sigma_rad', 0.0, 'below 1e-06')],
)
def test_gravity_that_cannot_be_is_refused(session, name, value, problem):
    arrays = arrays_with_up(session)
    arrays[name][0] = value
    with pytest.raises(SessionError, match=problem):
        graph_of_arrays(CheckedArrays('graph', arrays))
