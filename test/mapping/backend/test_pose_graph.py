from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.rotation import angle_between, matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import compose, isotropic
from vggt_ros.mapping.backend.pose_graph import Edge, optimize
from vggt_ros.mapping.backend.whole_graph import optimize_whole

N = 40
SIGMAS = (0.01, 0.02, 0.01)


def error(rng, sigmas):
    turn = matrix_from_rotation_vector(sigmas[0] * rng.normal(size=3))
    return Sim3(float(np.exp(sigmas[2] * rng.normal())), turn, sigmas[1] * rng.normal(size=3))


def circle(rng, *, is_rigid):
    """True places on a circle, and edges with errors from each to the next."""
    places = {}
    for k in range(N):
        angle = 2 * np.pi * k / N
        turn = matrix_from_rotation_vector(np.array([0.0, 0.0, angle]))
        scale = 1.0 if is_rigid else float(np.exp(0.2 * np.sin(angle)))
        places[k] = Sim3(scale, turn, np.array([5 * np.cos(angle), 5 * np.sin(angle), 0.0]))
    sigmas = (SIGMAS[0], SIGMAS[1], 0.0) if is_rigid else SIGMAS
    edges = [edge(places, k, k + 1, rng, sigmas) for k in range(N - 1)]
    return places, edges, sigmas


def edge(places, i, j, rng, sigmas, *, is_loop=False):
    seen = places[i].inverse() @ places[j] @ error(rng, sigmas)
    covariance = isotropic(sigmas[0], sigmas[1], max(sigmas[2], 1e-4))
    return Edge(i=i, j=j, i_from_j=seen, covariance=covariance, is_loop=is_loop)


def dead_reckoning(places, edges):
    found = {0: places[0]}
    for each in edges:
        found[each.j] = found[each.i] @ each.i_from_j
    return found


def distance(found, places):
    return np.mean([np.linalg.norm(found[k].translation - places[k].translation) for k in places])


@pytest.mark.parametrize('is_rigid', [True, False])
def test_a_loop_makes_the_way_better_and_the_first_place_stays(is_rigid):
    rng = np.random.default_rng(0)
    places, edges, sigmas = circle(rng, is_rigid=is_rigid)
    start = dead_reckoning(places, edges)
    loop = edge(places, 0, N - 1, rng, sigmas, is_loop=True)
    solution = optimize(start, [*edges, loop], is_rigid=is_rigid)
    found = solution.map_from_submap
    assert distance(found, places) < 0.6 * distance(start, places)
    np.testing.assert_allclose(found[0].translation, places[0].translation, atol=1e-4)
    assert angle_between(found[N - 1].rotation, places[N - 1].rotation) < 0.05
    if is_rigid:
        assert {place.scale for place in found.values()} == {1.0}
    else:
        assert found[N - 1].scale == pytest.approx(places[N - 1].scale, rel=0.05)
    assert max(solution.loop_errors) < 2.0


def test_without_loops_the_chain_stays_where_it_is_and_its_covariance_is_that_of_the_chain():
    rng = np.random.default_rng(1)
    places, edges, _ = circle(rng, is_rigid=False)
    start = dead_reckoning(places, edges)
    solution = optimize(start, edges, is_rigid=False)
    assert distance(solution.map_from_submap, start) < 1e-6
    expected = np.zeros((7, 7))
    for each in edges:
        expected = compose(expected, each.i_from_j, each.covariance)
    # In theirs the translation is measured in the submap's own unit as well.
    ratio = np.sqrt(np.diag(solution.newest_covariance) / np.diag(expected))
    np.testing.assert_allclose(ratio, 1.0, atol=0.1)


def test_a_wrong_loop_is_outvoted_and_shows_its_error():
    rng = np.random.default_rng(2)
    places, edges, sigmas = circle(rng, is_rigid=True)
    start = dead_reckoning(places, edges)
    right = edge(places, 0, N - 1, rng, sigmas, is_loop=True)
    wrong = edge(places, 3, 20, rng, sigmas, is_loop=True)
    moved = Sim3(1.0, wrong.i_from_j.rotation, wrong.i_from_j.translation + np.eye(3)[0] * 4.0)
    solution = optimize(start, [*edges, right, replace(wrong, i_from_j=moved)], is_rigid=True)
    alone = optimize(start, [*edges, right], is_rigid=True)
    assert distance(solution.map_from_submap, places) < 2 * distance(alone.map_from_submap, places)
    assert solution.loop_errors[0] < 3 < solution.loop_errors[1]


def test_a_submap_that_is_tied_to_nothing_is_refused():
    rng = np.random.default_rng(3)
    places, edges, _ = circle(rng, is_rigid=True)
    with pytest.raises(AlignmentError, match=r'graph of 40 submaps and 38 edges has no single'):
        optimize(places, edges[:-1], is_rigid=True)


def forked(rng, *, is_rigid, num_loops=6):
    """A way of many submaps with loops, a fork and an end that leads nowhere."""
    places, edges, sigmas = circle(rng, is_rigid=is_rigid)
    for k in range(5):
        places[N + k] = places[20 + k] @ Sim3(1.0, np.eye(3), np.array([0.0, 0.0, 0.1]))
        edges.append(edge(places, 20 if k == 0 else N + k - 1, N + k, rng, sigmas))
    start = dict(places)
    for each in edges:
        start[each.j] = start[each.i] @ each.i_from_j
    for _ in range(num_loops):
        i, j = sorted(rng.choice(N, 2, replace=False).tolist())
        edges.append(edge(places, i, j, rng, sigmas, is_loop=True))
    return start, edges


@pytest.mark.parametrize('is_rigid', [True, False])
@pytest.mark.parametrize('seed', range(4))
def test_chain_by_chain_is_the_same_as_all_at_once(is_rigid, seed):
    rng = np.random.default_rng([10, seed])
    start, edges = forked(rng, is_rigid=is_rigid, num_loops=seed * 3)
    found = optimize(start, edges, is_rigid=is_rigid)
    plain = optimize_whole(start, edges, is_rigid=is_rigid, ups={})
    sigma = np.sqrt(np.diag(plain.newest_covariance))
    for k, place in plain.map_from_submap.items():
        moved = place.inverse() @ found.map_from_submap[k]
        assert np.linalg.norm(moved.translation) < 0.02 * sigma[3:6].min()
        assert angle_between(moved.rotation, np.eye(3)) < 0.02 * sigma[:3].min()
        if not is_rigid:
            assert abs(np.log(moved.scale)) < 0.02 * sigma[6]
    # Their translations are measured in units of the submap.
    np.testing.assert_allclose(np.sqrt(np.diag(found.newest_covariance)), sigma, rtol=0.1)
    np.testing.assert_allclose(found.loop_errors, plain.loop_errors, rtol=0.02, atol=0.01)


def test_scales_of_rigid_places_stay_as_they_are():
    rng = np.random.default_rng(5)
    start, edges = forked(rng, is_rigid=True)
    start[7] = replace(start[7], scale=1.5)
    found = optimize(start, edges, is_rigid=True).map_from_submap
    assert [k for k, place in found.items() if place.scale != 1.0] == [7]
    assert found[7].scale == 1.5


def test_far_from_the_origin_the_solution_is_the_same():
    rng = np.random.default_rng(6)
    start, edges = forked(rng, is_rigid=False)
    away = Sim3(1.0, np.eye(3), np.array([1e4, -2e4, 100.0]))
    here = optimize(start, edges, is_rigid=False)
    there = optimize({k: away @ place for k, place in start.items()}, edges, is_rigid=False)
    for k, place in here.map_from_submap.items():
        np.testing.assert_allclose(
            there.map_from_submap[k].translation, away.apply(place.translation), atol=1e-3
        )
    np.testing.assert_allclose(there.newest_covariance, here.newest_covariance, atol=1e-6)
