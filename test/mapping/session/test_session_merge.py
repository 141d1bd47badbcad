from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import SessionError
from vggt_ros.evaluation.trajectory import trajectory_error
from vggt_ros.mapping.session.session_merge import merge_sessions
from vggt_ros.settings.world_config import MapSettings

SETTINGS = MapSettings(voxel_size=0.1)
LATER_NS = 10**15
FIRST, SECOND = range(60), range(36, 90)


@pytest.fixture(scope='module')
def first(make_seeing_mapper, walk):
    mapper = make_seeing_mapper()
    walk(mapper, FIRST)
    return mapper.map.session()


@pytest.fixture(scope='module')
def second(make_seeing_mapper, walk):
    mapper = make_seeing_mapper()
    walk(mapper, SECOND, LATER_NS)
    return mapper.map.session()


def path_of(session, true_pose):
    """Poses of a session and the true ones, by stamp."""
    views = [each.view for each in session.path.values()]
    indices = [view.stamp_ns % LATER_NS // 100_000_000 - 1 for view in views]
    poses = np.stack([view.map_from_cam for view in views])
    return poses, np.stack([true_pose(index) for index in indices])


def test_two_maps_with_places_in_common_become_one(first, second, true_pose):
    merged = merge_sessions(first, second, SETTINGS)
    session = merged.session
    assert merged.num_common >= 1
    assert not merged.is_swapped
    assert len(session.submaps) == len(first.submaps) + len(second.submaps)
    assert len(session.keyframes) == len(first.keyframes) + len(second.keyframes)
    assert len(session.path) == len(FIRST) + len(SECOND)
    assert {each.segment for each in session.submaps} == {0}
    joined = trajectory_error(*path_of(session, true_pose)).ate_percent
    of_first = trajectory_error(*path_of(first, true_pose)).ate_percent
    apart = np.concatenate([path_of(first, true_pose)[0], path_of(second, true_pose)[0]])
    truth = np.concatenate([path_of(first, true_pose)[1], path_of(second, true_pose)[1]])
    assert joined < 2.0 * of_first + 0.1
    assert joined < 0.1 * trajectory_error(apart, truth).ate_percent, 'laid side by side'
    known = {each.id for each in session.submaps}
    assert {each.submap_id for each in session.keyframes} <= known
    assert set(session.voxels.submap_ids.tolist()) <= known


def test_of_two_maps_the_one_in_meters_is_the_first(first, second):
    merged = merge_sessions(first, replace(second, is_metric=True), SETTINGS)
    assert merged.is_swapped
    assert merged.session.is_metric


def test_a_merged_map_can_be_gone_on_with(first, second, make_seeing_mapper, walk):
    mapper = make_seeing_mapper()
    mapper.load(merge_sessions(first, second, SETTINGS).session)
    assert walk(mapper, range(75, 90), 2 * LATER_NS)[-1].is_connected, 'only the second was there'


def test_maps_of_different_buildings_are_not_merged(first, make_seeing_mapper, walk):
    elsewhere = make_seeing_mapper(seed=2)
    walk(elsewhere, FIRST, LATER_NS)
    with pytest.raises(SessionError, match='no place in common: none of'):
        merge_sessions(first, elsewhere.map.session(), SETTINGS)


def test_without_features_there_is_nothing_to_tell_by(first, second):
    blind = tuple(replace(each, features=None) for each in second.keyframes)
    with pytest.raises(SessionError, match='no place in common'):
        merge_sessions(first, replace(second, keyframes=blind), SETTINGS)
