import numpy as np
import pytest

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.backend.frozen_place import place_beside_frozen
from vggt_ros.mapping.backend.pose_graph import Edge

OLD = Sim3(1.0, np.eye(3), np.zeros(3))


def at(x):
    return Sim3(1.0, np.eye(3), np.array([x, 0.0, 0.0]))


def loop_to(x, sigma=0.1):
    covariance = isotropic(0.01, sigma, 0.01)
    return Edge(i=0, j=7, i_from_j=at(x), covariance=covariance, is_loop=True)


def test_a_submap_that_was_nowhere_is_where_the_loop_says():
    place, covariance = place_beside_frozen(OLD, at(50.0), None, loop_to(2.0))
    assert place.translation[0] == 2.0
    np.testing.assert_array_equal(covariance, loop_to(2.0).covariance)


def test_of_way_and_loop_the_surer_one_counts_for_more_and_both_are_surer_than_either():
    way = isotropic(0.01, 0.05, 0.01)
    place, covariance = place_beside_frozen(OLD, at(2.0), way, loop_to(2.1, sigma=0.1))
    assert place.translation[0] == pytest.approx(
        2.0 + 0.1 * 0.05**2 / (0.05**2 + 0.1**2), abs=5e-3
    )
    assert covariance[3, 3] < 0.05**2


def test_a_loop_that_the_way_does_not_allow_is_refused():
    assert place_beside_frozen(OLD, at(2.0), isotropic(0.01, 0.05, 0.01), loop_to(9.0)) is None
