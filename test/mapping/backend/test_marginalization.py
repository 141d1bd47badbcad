from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.rotation import angle_between, matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.twist import sim3_of
from vggt_ros.geometry.uncertainty import compose, isotropic
from vggt_ros.mapping.backend.marginalization import (
    chained,
    fused,
    hubs_of,
    marginalized,
    strongest,
    turned,
)
from vggt_ros.mapping.backend.pose_graph import Edge, optimize

STEP = isotropic(0.004, 0.01, 0.003)


def ring(laps, per_lap=30, seed=0):
    """True places on a ring walked several times, and edges with errors, loops among them."""
    rng = np.random.default_rng(seed)
    places, edges = {}, []
    for k in range(laps * per_lap):
        angle = 2 * np.pi * k / per_lap
        turn = matrix_from_rotation_vector(np.array([0.0, 0.0, angle]))
        places[k] = Sim3(1.0, turn, np.array([5 * np.cos(angle), 5 * np.sin(angle), 0.0]))
    for k in range(len(places) - 1):
        edges.append(seen(places, k, k + 1, rng))
    for k in range(per_lap, len(places), 7):
        edges.append(seen(places, k % per_lap, k, rng, is_loop=True))
    return places, edges


def seen(places, i, j, rng, *, is_loop=False):
    twist = rng.multivariate_normal(np.zeros(7), STEP)
    i_from_j = places[i].inverse() @ places[j] @ sim3_of(twist)
    return Edge(i=i, j=j, i_from_j=i_from_j, covariance=STEP, is_loop=is_loop)


def worst(found, places):
    moved = [np.linalg.norm(found[k].translation - places[k].translation) for k in found]
    return max(moved)


def rms(found, places):
    moved = [np.linalg.norm(found[k].translation - places[k].translation) for k in found]
    return float(np.sqrt(np.mean(np.square(moved))))


def test_two_edges_in_a_row_become_one_with_the_covariance_of_both():
    _, edges = ring(1)
    (edge,) = marginalized(edges[:2], {1})
    assert (edge.i, edge.j, edge.is_loop) == (0, 2, False)
    expected = edges[0].i_from_j @ edges[1].i_from_j
    np.testing.assert_allclose(edge.i_from_j.translation, expected.translation)
    np.testing.assert_allclose(edge.covariance, compose(STEP, edges[1].i_from_j, STEP), atol=1e-12)


def test_a_chain_without_its_middle_says_the_same_with_the_same_certainty():
    places, edges = ring(1)
    edges.append(seen(places, 0, 29, np.random.default_rng(5), is_loop=True))
    full = optimize(places, edges, is_rigid=False)
    few = {k: places[k] for k in (0, 10, 29)}
    gone = set(places) - set(few)
    found = optimize(few, marginalized(edges, gone), is_rigid=False)
    sigma = float(np.sqrt(full.newest_covariance[3, 3]))
    assert worst(found.map_from_submap, full.map_from_submap) < 0.1 * sigma
    np.testing.assert_allclose(
        np.diag(found.newest_covariance), np.diag(full.newest_covariance), rtol=0.1
    )


def test_after_many_laps_the_first_one_is_as_good_as_with_all_submaps():
    full_errors, few_errors, ratios = [], [], []
    for seed in range(4):
        places, edges = ring(8, seed=seed)
        full = optimize(places, edges, is_rigid=False)
        few = {k: places[k] for k in places if k < 30 or k >= 210}
        found = optimize(few, marginalized(edges, set(places) - set(few)), is_rigid=False)
        full_errors.append(rms({k: full.map_from_submap[k] for k in few}, places))
        few_errors.append(rms(found.map_from_submap, places))
        ratios.append(found.newest_covariance[3, 3] / full.newest_covariance[3, 3])
    assert np.mean(few_errors) < 1.3 * np.mean(full_errors)
    assert min(ratios) > 0.7, 'it must not be surer than it is'


def test_everything_stays_connected_and_no_pair_has_two_edges():
    places, edges = ring(4)
    gone = {k for k in places if k % 3 and 5 < k < 110}
    left = marginalized(edges, gone)
    ends = [(edge.i, edge.j) for edge in left]
    assert len(ends) == len(set(ends))
    assert all(i < j for i, j in ends)
    assert not gone & {each for pair in ends for each in pair}
    stays = {k: places[k] for k in places if k not in gone}
    optimize(stays, left, is_rigid=False)  # raises if one is tied to nothing


def test_what_hangs_on_a_submap_goes_to_the_nearest_along_the_edges():
    places, edges = ring(2)
    hubs = hubs_of(edges, {2, 3, 4, 30})
    assert hubs == {2: 1, 3: 1, 4: 5, 30: 0} or hubs == {2: 1, 3: 5, 4: 5, 30: 0}
    alone = Edge(i=100, j=101, i_from_j=places[1], covariance=STEP)
    assert hubs_of([*edges, alone], {100, 101}) == {}


def test_an_edge_turned_twice_is_the_same():
    _, edges = ring(1)
    edge = replace(edges[3], covariance=np.diag(np.arange(1.0, 8.0)))
    again = turned(turned(edge))
    np.testing.assert_allclose(again.i_from_j.translation, edge.i_from_j.translation)
    np.testing.assert_allclose(again.covariance, edge.covariance, atol=1e-12)


def test_of_two_that_say_the_same_the_mean_is_no_surer_than_the_better_one():
    _, edges = ring(1)
    a = edges[0]
    b = replace(a, i_from_j=a.i_from_j @ sim3_of(np.array([0, 0, 0, 0.02, 0, 0, 0.0])))
    mean = fused(a, b)
    moved = a.i_from_j.inverse() @ mean.i_from_j
    np.testing.assert_allclose(moved.translation, [0.01, 0, 0], atol=1e-9)
    np.testing.assert_allclose(mean.covariance, STEP, rtol=1e-3)
    worse = replace(b, covariance=100 * STEP)
    np.testing.assert_allclose(
        fused(worse, a).i_from_j.translation, a.i_from_j.translation, atol=1e-9
    )


@pytest.mark.parametrize('loop_first', [True, False])
def test_a_loop_that_contradicts_the_way_is_not_mixed_with_it(loop_first):
    _, edges = ring(1)
    way = edges[0]
    shift = sim3_of(np.array([0, 0, 0, 1.0, 0, 0, 0]))
    loop = replace(way, i_from_j=way.i_from_j @ shift, is_loop=True)
    assert (fused(loop, way) if loop_first else fused(way, loop)) is way
    near = replace(way, is_loop=True)
    assert not fused(near, way).is_loop
    assert fused(near, near).is_loop


def test_what_is_known_by_way_of_a_loop_may_be_as_wrong_as_the_loop():
    _, edges = ring(1)
    assert chained(replace(edges[0], is_loop=True), edges[1]).is_loop
    assert angle_between(
        chained(edges[0], edges[1]).i_from_j.rotation,
        edges[0].i_from_j.rotation @ edges[1].i_from_j.rotation,
    ) == pytest.approx(0.0, abs=1e-6)


def test_of_very_many_edges_the_best_known_stay_and_everything_stays_connected():
    places, edges = ring(1)
    assert strongest(edges) == edges
    rng = np.random.default_rng(0)
    weak = [replace(each, covariance=100 * each.covariance) for each in edges]
    pairs = [(i, j) for i in range(30) for j in range(i + 2, 30)]
    across = [seen(places, i, j, rng) for i, j in pairs if j < 29]
    left = strongest([*weak, *across])
    assert len(left) == 2 * 30
    assert weak[28] in left, 'the only one of the last submap'
    assert sum(edge in across for edge in left) >= 58
    optimize(places, left, is_rigid=False)  # raises if one is tied to nothing
