import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.place_index import (
    crowded,
    NUM_NEWEST,
    places_of,
    rows_of_each_place,
    subsampled_rows,
    surplus_submaps,
)
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap


def pose(x=0.5, y=0.5, yaw_deg=20.0):
    turn = matrix_from_rotation_vector(np.radians([0.0, yaw_deg, 0.0]))
    return se3.rigid(turn, np.array([x, y, 0.5]))


def submap(submap_id, x, segment=0, yaw_deg=20.0):
    at = pose(x, yaw_deg=yaw_deg)
    place = Sim3(1.0, at[:3, :3], at[:3, 3])
    return PlacedSubmap(id=submap_id, segment=segment, map_from_submap=place, covariance=np.eye(7))


def test_a_place_is_where_a_camera_is_and_looks():
    poses = np.stack([pose(), pose(0.7), pose(1.5), pose(yaw_deg=110.0), pose(yaw_deg=-20.0)])
    places = places_of(poses, 1.0)
    assert places[0] == places[1]
    assert len(set(places.tolist())) == 4


def test_no_direction_is_without_a_place_and_opposite_ones_differ():
    rng = np.random.default_rng(0)
    turns = matrix_from_rotation_vector(rng.normal(size=(2000, 3)) * 2)
    poses = np.stack([se3.rigid(turn, np.full(3, 0.5)) for turn in turns])
    places = places_of(poses, 1.0)
    assert places.max() + 1 == 24
    forward = poses[:, :3, 2]
    for place in range(24):
        within = forward[places == place]
        assert (within @ within.T).min() > np.cos(np.radians(75))


def test_the_oldest_and_the_newest_views_of_a_place_stay():
    places = np.array([0, 0, 1, 0, 0, 1, 0])
    assert crowded(places, 3).tolist() == [1, 3]
    assert crowded(places, 2).tolist() == [1, 3, 4]
    assert crowded(places, 1).tolist() == [0, 1, 2, 3, 4]
    assert crowded(places, 9).tolist() == []


def test_where_there_are_too_many_views_the_most_crowded_places_lose_some():
    poses = np.stack([pose(0.5 + k) for k in range(10)] + [pose()] * 90)
    rows = subsampled_rows(poses, 2.0, 40).tolist()
    assert len(rows) == 35
    assert set(range(10)) <= set(rows), 'no place is given up'
    assert rows[-1] == 99


def test_where_there_are_more_places_than_views_may_stay_they_stay_all_over():
    poses = np.stack([pose(0.5 + k) for k in range(100)])
    rows = subsampled_rows(poses, 2.0, 40)
    assert 12 <= len(rows) <= 35
    assert np.diff(poses[rows, 0, 3]).max() <= 8.0
    assert rows[-1] == 99
    # Even of one spot, in all directions, and if no depth is known.
    around = np.stack([pose(yaw_deg=30.0 * k) for k in range(12)])
    assert len(subsampled_rows(around, float('nan'), 3)) == 3


def test_of_a_place_that_was_visited_often_some_views_are_enough():
    poses = np.stack([pose(0.5 + k % 10) for k in range(100)])
    assert rows_of_each_place(poses, 2.0).tolist() == [*range(10), *range(60, 100)]
    assert len(rows_of_each_place(poses, float('nan'))) == 100


def test_submaps_of_a_place_that_was_visited_often_are_surplus():
    visits = [submap(k, x=0.5 + k % 10) for k in range(100)]
    surplus = surplus_submaps(visits, usual_depth=2.0)
    assert surplus == list(range(10, 10 + 64)), 'the others wait'
    surplus = surplus_submaps(visits[30:], 2.0, in_use={41})
    assert set(surplus) == set(range(40, 100 - NUM_NEWEST)) - {41}
    assert surplus_submaps(visits[:NUM_NEWEST], 2.0) == []
    assert surplus_submaps(visits, float('nan')) == []


def test_where_a_segment_is_that_is_tied_to_nothing_is_a_guess():
    apart = [submap(k, x=0.5 + k % 10, segment=k // 10) for k in range(100)]
    assert surplus_submaps(apart, usual_depth=2.0) == []
