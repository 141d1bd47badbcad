from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.backend.loop_hypothesis import (
    are_one,
    hypothesis_of,
    MAX_WINDOWS_BETWEEN,
    say_the_same,
)
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap
from vggt_ros.mapping.refinement.place_verification import VerifiedPlace


def placed_at(submap_id, x, yaw=0.0, scale=1.0):
    turn = matrix_from_rotation_vector(np.array([0.0, yaw, 0.0]))
    return PlacedSubmap(
        id=submap_id,
        segment=0,
        map_from_submap=Sim3(scale, turn, np.array([x, 0.0, 0.0])),
        covariance=np.eye(7),
    )


def verified_as(corrected_from_map):
    return VerifiedPlace(
        stored_from_query=corrected_from_map,
        covariance=isotropic(0.01, 0.02, 0.01),
        median_depth=2.0,
        num_inliers=100,
        num_pairs=3,
        sigma_px=0.8,
    )


def turned(yaw, shift=(0.0, 0.0, 0.0), scale=1.0):
    rotation = matrix_from_rotation_vector(np.array([0.0, yaw, 0.0]))
    return Sim3(scale, rotation, np.asarray(shift))


@pytest.fixture
def newest(point_scene, pose_at):
    return point_scene.room(1).seen_from(pose_at(9.5))


PLACED = {
    0: placed_at(0, 0.0),
    1: placed_at(1, 1.0, 0.1),
    20: placed_at(20, 9.0, 0.4),
    21: placed_at(21, 10.0, 0.5, scale=1.1),
}
DRIFT = turned(0.3, (-9.0, 0.5, 1.0), 1.2)


def hypothesis(newest, drift, old, new):
    return hypothesis_of(verified_as(drift), newest, 5, PLACED[old], PLACED[new])


def test_the_loop_puts_the_new_submap_where_the_images_say(newest):
    found = hypothesis(newest, DRIFT, 0, 20)
    there = PLACED[0].map_from_submap @ found.edge.i_from_j
    expected = DRIFT @ PLACED[20].map_from_submap
    np.testing.assert_allclose(there.translation, expected.translation)
    np.testing.assert_allclose(there.rotation, expected.rotation)
    assert there.scale == pytest.approx(expected.scale)
    assert found.edge.is_loop


def test_far_from_the_camera_the_position_is_less_certain(newest):
    at_camera = hypothesis_of(verified_as(DRIFT), newest, 5, PLACED[0], placed_at(20, 9.5))
    far = hypothesis_of(verified_as(DRIFT), newest, 5, PLACED[0], placed_at(20, -20.0))
    np.testing.assert_allclose(np.diag(at_camera.edge.covariance)[3:6], 0.02**2, rtol=1e-6)
    assert np.diag(far.edge.covariance)[3:6].max() > 100 * 0.02**2


def test_lengths_are_those_of_the_submap(newest):
    found = hypothesis(newest, DRIFT, 0, 21)
    assert found.median_depth == pytest.approx(2.0 / 1.1)


def test_a_loop_that_moves_nothing_is_no_news(newest):
    assert hypothesis(newest, turned(0.0), 0, 20).correction == pytest.approx(0.0, abs=1e-9)
    assert hypothesis(newest, DRIFT, 0, 20).correction > 0.2
    longer = hypothesis(newest, turned(0.0, scale=1.3), 0, 20)
    assert longer.correction >= np.log(1.3) - 1e-9


def test_two_windows_that_came_back_together_say_the_same(newest):
    first, second = hypothesis(newest, DRIFT, 0, 20), hypothesis(newest, DRIFT, 1, 21)
    assert say_the_same(first, second, PLACED)


@pytest.mark.parametrize(
    'other',
    [
        DRIFT @ turned(0.0, (0.0, 0.0, 1.0)),
        turned(0.3 + 0.2, (-9.0, 0.5, 1.0), 1.2),
        turned(0.3, (-9.0, 0.5, 1.0), 1.6),
    ],
    ids=['elsewhere', 'turned', 'larger'],
)
def test_two_windows_that_say_different_things_do_not_agree(newest, other):
    first, second = hypothesis(newest, DRIFT, 0, 20), hypothesis(newest, other, 1, 21)
    assert not say_the_same(first, second, PLACED)


def test_windows_far_apart_are_not_asked(newest):
    first = hypothesis(newest, DRIFT, 0, 20)
    far = 20 + MAX_WINDOWS_BETWEEN + 1
    placed = PLACED | {far: replace(PLACED[21], id=far)}
    second = hypothesis_of(verified_as(DRIFT), newest, 5, PLACED[1], placed[far])
    assert not say_the_same(first, second, placed)
    assert not say_the_same(first, first, PLACED), 'nor a window for itself'


def test_a_submap_that_was_forgotten_confirms_nothing(newest):
    first, second = hypothesis(newest, DRIFT, 0, 20), hypothesis(newest, DRIFT, 1, 21)
    assert not say_the_same(first, second, {k: v for k, v in PLACED.items() if k != 0})


def test_a_map_that_changed_its_unit_meanwhile_does_not_matter(newest):
    """What is compared are steps between submaps, whose units do not change with the map's."""
    first, second = hypothesis(newest, DRIFT, 0, 20), hypothesis(newest, DRIFT, 1, 21)
    move = turned(1.0, (5.0, 5.0, 5.0), 3.0)
    moved = {k: replace(v, map_from_submap=move @ v.map_from_submap) for k, v in PLACED.items()}
    assert say_the_same(first, second, moved)


def test_places_of_one_query_are_one_if_they_put_the_camera_at_one_spot(newest):
    assert are_one(verified_as(DRIFT), verified_as(DRIFT @ turned(0.01)), newest)
    elsewhere = turned(0.0, (3.0, 0.0, 0.0)) @ DRIFT
    assert not are_one(verified_as(DRIFT), verified_as(elsewhere), newest)
