import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.backend.loop_gate import loop_innovation
from vggt_ros.mapping.backend.pose_graph import Edge

STEP = Sim3(1.0, matrix_from_rotation_vector(np.array([0, 0.1, 0])), np.array([1.0, 0, 0]))
STEP_COVARIANCE = isotropic(0.01, 0.02, 0.005)
LOOP_COVARIANCE = isotropic(0.005, 0.01, 0.005)


def chain_of(count):
    """Submaps a step apart, and the edges between them."""
    places = {0: Sim3(1.0, np.eye(3), np.zeros(3))}
    for i in range(1, count):
        places[i] = places[i - 1] @ STEP
    edges = [
        Edge(i=i, j=i + 1, i_from_j=STEP, covariance=STEP_COVARIANCE) for i in range(count - 1)
    ]
    return places, edges


def loop_between(places, i, j, error=None):
    i_from_j = places[i].inverse() @ places[j]
    if error is not None:
        i_from_j = i_from_j @ error
    return Edge(i=i, j=j, i_from_j=i_from_j, covariance=LOOP_COVARIANCE, is_loop=True)


def shifted(distance):
    return Sim3(1.0, np.eye(3), np.array([0.0, 0.0, distance]))


def innovation(places, edges, loop, is_rigid=False):
    return loop_innovation(loop, edges, places, is_rigid=is_rigid)


def test_a_loop_that_the_graph_expects_is_no_surprise():
    places, edges = chain_of(20)
    assert innovation(places, edges, loop_between(places, 2, 18)) == pytest.approx(0.0, abs=1e-6)


def test_the_same_error_surprises_less_after_a_longer_way():
    places, edges = chain_of(60)
    near = innovation(places, edges, loop_between(places, 0, 5, shifted(0.5)))
    far = innovation(places, edges, loop_between(places, 0, 59, shifted(0.5)))
    assert near > 3.0
    assert far < 1.0


def test_errors_of_the_graph_s_own_noise_are_as_large_as_they_should_be(rng):
    """Over random graphs: one standard deviation per degree of freedom."""
    places, edges = chain_of(15)
    found = []
    for _ in range(300):
        noisy = {0: places[0]}
        for i in range(1, 15):
            noise = rng.normal(size=7) * np.sqrt(np.diag(STEP_COVARIANCE))
            turn = matrix_from_rotation_vector(noise[:3])
            noisy[i] = noisy[i - 1] @ STEP @ Sim3(float(np.exp(noise[6])), turn, noise[3:6])
        noise = rng.normal(size=7) * np.sqrt(np.diag(LOOP_COVARIANCE))
        turn = matrix_from_rotation_vector(noise[:3])
        error = Sim3(float(np.exp(noise[6])), turn, noise[3:6])
        found.append(innovation(noisy, edges, loop_between(places, 1, 13, error)))
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(1.0, abs=0.15)


def test_an_edge_is_walked_in_both_directions(rng):
    """A path against its edges has the uncertainty of the way forward, seen from the other end."""
    places, edges = chain_of(10)
    forward = loop_between(places, 1, 8, shifted(0.3))
    back = Edge(
        i=8,
        j=1,
        i_from_j=forward.i_from_j.inverse(),
        covariance=np.zeros((7, 7)),
        is_loop=True,
    )
    exact = Edge(i=1, j=8, i_from_j=forward.i_from_j, covariance=np.zeros((7, 7)), is_loop=True)
    expected = innovation(places, edges, exact)
    assert innovation(places, edges, back) == pytest.approx(expected, rel=0.1)


def test_another_loop_makes_the_way_shorter():
    places, edges = chain_of(60)
    wrong = loop_between(places, 0, 59, shifted(0.5))
    known = [*edges, loop_between(places, 1, 58)]
    assert innovation(places, known, wrong) > 2 * innovation(places, edges, wrong)


def test_submaps_that_nothing_joins_are_no_surprise():
    places, edges = chain_of(10)
    apart = [edge for edge in edges if edge.i != 5]
    assert innovation(places, apart, loop_between(places, 0, 9, shifted(5.0))) == 0.0


def test_scale_does_not_count_where_lengths_are_metric():
    places, edges = chain_of(10)
    loop = loop_between(places, 0, 9, Sim3(1.5, np.eye(3), np.zeros(3)))
    assert innovation(places, edges, loop) > 3.0
    assert innovation(places, edges, loop, is_rigid=True) == pytest.approx(0.0, abs=1e-6)
