import numpy as np
import pytest

from benchmarks.graph_size import building, without_loops
from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.backend.pose_graph import Edge, optimize
from vggt_ros.mapping.backend.whole_graph import optimize_whole
from vggt_ros.mapping.registration.up_direction import UpDirection

Z = np.array([0.0, 0.0, 1.0])
N = 30


def rolling_chain(is_rigid):
    """A straight way, and what is measured of it: every step rolls and turns a little."""
    true = {k: Sim3(1.0, np.eye(3), np.array([1.0 * k, 0.0, 0.0])) for k in range(N)}
    step = Sim3(
        1.0 if is_rigid else 1.002,
        matrix_from_rotation_vector(np.array([0.01, 0.005, 0.01])),
        np.array([1.0, 0.0, 0.0]),
    )
    edges = [
        Edge(i=k, j=k + 1, i_from_j=step, covariance=isotropic(0.01, 0.01, 0.005))
        for k in range(N - 1)
    ]
    found = {0: true[0]}
    for each in edges:
        found[each.j] = found[each.i] @ each.i_from_j
    return true, found, edges


def tilt_deg(place, up):
    return np.degrees(np.arccos(np.clip((place.rotation @ up) @ Z, -1, 1)))


@pytest.mark.parametrize('is_rigid', [True, False])
def test_gravity_bounds_roll_and_pitch_and_leaves_heading_and_scale_alone(is_rigid):
    _, start, edges = rolling_chain(is_rigid)
    ups = {k: UpDirection(along_axes=Z, sigma_rad=0.01) for k in range(N)}
    without = optimize(start, edges, is_rigid=is_rigid).map_from_submap
    found = optimize_whole(start, edges, is_rigid=is_rigid, ups=ups).map_from_submap
    assert max(tilt_deg(each, Z) for each in without.values()) > 15
    assert max(tilt_deg(each, Z) for each in found.values()) < 1.5
    heading = [np.arctan2(each.rotation[1, 0], each.rotation[0, 0]) for each in found.values()]
    assert heading[-1] == pytest.approx(0.01 * (N - 1), rel=0.15), 'gravity says nothing of it'
    assert found[N - 1].scale == pytest.approx(start[N - 1].scale, rel=1e-3)


def test_one_wrong_direction_among_many_hardly_counts():
    true, _, _ = rolling_chain(True)
    step = Sim3(1.0, np.eye(3), np.array([1.0, 0.0, 0.0]))
    edges = [
        Edge(i=k, j=k + 1, i_from_j=step, covariance=isotropic(0.01, 0.01, 1e-3))
        for k in range(N - 1)
    ]
    ups = {k: UpDirection(along_axes=Z, sigma_rad=0.02) for k in range(N)}
    ups[10] = UpDirection(along_axes=np.array([0.0, -1.0, 0.0]), sigma_rad=0.02)
    found = optimize_whole(true, edges, is_rigid=True, ups=ups).map_from_submap
    assert max(tilt_deg(each, Z) for each in found.values()) < 1.0


def test_loops_make_the_way_better():
    places, edges = building(100, 8, seed=0)
    start = without_loops(places, edges)
    found = optimize_whole(start, edges, is_rigid=True, ups={}).map_from_submap
    errors = [
        np.mean([np.linalg.norm(each[k].translation - places[k].translation) for k in places])
        for each in (start, found)
    ]
    assert errors[1] < errors[0]


def test_a_submap_that_is_connected_to_nothing_is_refused():
    places, edges = building(10, 1, seed=0)
    with pytest.raises(AlignmentError, match='no single solution'):
        optimize_whole(places, edges[:5], is_rigid=True, ups={})
