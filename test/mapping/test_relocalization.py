"""A second session in a map that a first one stored: where it is, and what becomes of the map.

Features of things in a room at the true poses stand for images; the network answers with the
truth, each window in another unit and another world.
"""

from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.sim3 import align_sim3

# The first session walks these, the second begins in the middle of them.
FIRST, SECOND = range(90), range(30, 60)
LATER_NS = 10**15


@pytest.fixture(scope='module')
def stored(make_seeing_mapper, walk):
    mapper = make_seeing_mapper()
    walk(mapper, FIRST)
    return mapper.map.session()


LOCALIZATION = {'mode': 'localization', 'map.load_path': '/a/map', 'refine.mode': 'verify'}


def errors_in_map(stored, mapper, true_pose):
    """Distances of the path of a session from the truth, by the similarity of the stored one."""
    ids = sorted(stored.path)
    known = np.stack([stored.path[i].view.map_from_cam[:3, 3] for i in ids])
    map_from_world = align_sim3(np.stack([true_pose(i)[:3, 3] for i in ids]), known)
    path = mapper.map.path()
    indices = ((path.stamps_ns - LATER_NS) // 100_000_000 - 1).tolist()
    truth = map_from_world.apply(np.stack([true_pose(i)[:3, 3] for i in indices]))
    return np.linalg.norm(path.map_from_cam[:, :3, 3] - truth, axis=1) / map_from_world.scale


@pytest.mark.parametrize('settings', [{}, LOCALIZATION], ids=['mapping', 'localization'])
def test_a_second_session_knows_within_five_windows_where_it_is(
    make_seeing_mapper, walk, stored, true_pose, settings
):
    mapper = make_seeing_mapper(**settings)
    mapper.load(stored)
    assert mapper.snapshot().num_submaps == len(stored.submaps)
    updates = walk(mapper, SECOND, LATER_NS)
    connected = [update.is_connected for update in updates]
    assert 0 < connected.index(True) < 5
    assert all(connected[connected.index(True) :])
    assert mapper.snapshot().state == 'tracking'
    errors = errors_in_map(stored, mapper, true_pose)
    assert len(errors) == len(SECOND)
    assert np.median(errors) < 0.05, 'meters, in a room of 8 m'


def test_before_it_knows_where_it_is_nothing_is_drawn_into_the_map(
    make_seeing_mapper, walk, stored
):
    mapper = make_seeing_mapper()
    mapper.load(stored)
    before = mapper.map.points()[0]
    (update,) = walk(mapper, SECOND[:6], LATER_NS)
    assert not update.is_connected
    assert mapper.snapshot().state == 'relocalizing'
    now = mapper.map.points()[0]
    np.testing.assert_array_equal(now.points_in_map, before.points_in_map)
    assert len(mapper.map.path().stamps_ns) == 0
    walk(mapper, SECOND[6:], LATER_NS)
    assert mapper.map.points()[0].hits.sum() > 1.2 * before.hits.sum()
    assert len(mapper.map.views()) == len(FIRST) + len(SECOND)


def test_localization_leaves_the_map_as_it_was_and_is_bounded(
    make_seeing_mapper, walk, stored, monkeypatch
):
    monkeypatch.setattr('vggt_ros.mapping.backend.submap_graph._MAX_OWN_BESIDE_FROZEN', 5)
    mapper = make_seeing_mapper(**LOCALIZATION)
    mapper.load(stored)
    before = mapper.map.session()
    walk(mapper, SECOND, LATER_NS)
    after = mapper.map.session()
    assert mapper.map.graph.num_loops > 0
    np.testing.assert_array_equal(after.voxels.means, before.voxels.means)
    assert len(after.keyframes) == len(before.keyframes)
    assert len(after.submaps) == len(before.submaps) + 5
    for old, new in zip(before.submaps, after.submaps, strict=False):
        assert old.id == new.id
        np.testing.assert_array_equal(
            old.map_from_submap.translation, new.map_from_submap.translation
        )


def test_a_reset_forgets_where_the_robot_is_and_a_map_that_is_only_looked_at_stays(
    make_seeing_mapper, walk, stored
):
    looking, mapping = make_seeing_mapper(**LOCALIZATION), make_seeing_mapper()
    for mapper in (looking, mapping):
        mapper.load(stored)
        walk(mapper, SECOND, LATER_NS)
        mapper.reset()
    assert len(mapping.map.graph) == 0
    assert len(looking.map.graph) == len(stored.submaps)
    assert looking.map.graph.is_relocalizing
    assert walk(looking, SECOND, LATER_NS + 10**10)[-1].is_connected


@pytest.mark.parametrize('settings', [{}, LOCALIZATION], ids=['mapping', 'localization'])
def test_in_another_building_it_never_knows_where_it_is(
    make_seeing_mapper, walk, stored, settings
):
    mapper = make_seeing_mapper(seed=2, **settings)
    mapper.load(stored)
    updates = walk(mapper, FIRST, LATER_NS)
    assert not any(update.is_connected for update in updates)
    assert mapper.snapshot().state == 'relocalizing'
    assert len(mapper.map.points()[0].hits) == len(stored.voxels.hits)


def test_a_map_in_meters_stays_so_where_nothing_measures_them_any_more(
    make_seeing_mapper, walk, stored, true_pose
):
    mapper = make_seeing_mapper()
    mapper.load(replace(stored, is_metric=True, log_scale_sigma=0.01, scale_source='odometry'))
    updates = walk(mapper, SECOND, LATER_NS)
    assert all(update.scale_state.is_metric for update in updates)
    assert np.median(errors_in_map(stored, mapper, true_pose)) < 0.05


def test_stamps_of_the_same_recording_are_no_hindrance(make_seeing_mapper, walk, stored):
    mapper = make_seeing_mapper()
    mapper.load(stored)
    assert walk(mapper, SECOND)[-1].is_connected


def test_a_map_can_be_loaded_again_and_stored_again(make_seeing_mapper, walk, stored, true_pose):
    mapper = make_seeing_mapper()
    mapper.load(stored)
    walk(mapper, SECOND, LATER_NS)
    third = make_seeing_mapper()
    third.load(mapper.map.session())
    third.load(mapper.map.session())
    assert len(third.map.views()) == len(FIRST) + len(SECOND)
    updates = walk(third, range(50, 74), 2 * LATER_NS)
    assert updates[-1].is_connected
    newest = third.map.path().map_from_cam[-1]
    first = stored.path[0].view.map_from_cam
    assert np.isfinite(se3.inverse(first) @ newest).all()
