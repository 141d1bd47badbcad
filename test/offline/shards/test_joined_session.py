from dataclasses import replace
import shutil

import numpy as np
import pytest
from scipy.spatial import cKDTree

from vggt_ros.mapping.map_state import MapState
from vggt_ros.mapping.session.session_folder import read_session, write_session
from vggt_ros.offline.shards.joined_map import join_shards
from vggt_ros.settings.live_config import LiveConfig


@pytest.fixture(scope='module')
def joined(sharded):
    return join_shards(sharded.shards, range(4), sharded.config, refines=False)


def test_every_keyframe_is_in_its_path_once_where_the_joined_map_has_it(joined):
    session, result = joined.result.session, joined.result
    views = sorted((each.view for each in session.path.values()), key=lambda v: v.stamp_ns)
    assert [view.stamp_ns for view in views] == [view.stamp_ns for view in result.views]
    for one, other in zip(views, result.views, strict=True):
        np.testing.assert_allclose(one.map_from_cam, other.map_from_cam, atol=1e-9)


def test_submaps_are_one_chain_across_the_joints(joined, sharded):
    session = joined.result.session
    assert {each.segment for each in session.submaps} == {0}
    assert [each.id for each in session.submaps] == list(range(len(session.submaps)))
    neighbors = {(edge.i, edge.j) for edge in session.edges}
    assert {(k, k + 1) for k in range(len(session.submaps) - 1)} <= neighbors
    place = {each.id: each.map_from_submap for each in session.submaps}
    for edge in session.edges:
        between = place[edge.i].inverse() @ place[edge.j]
        np.testing.assert_allclose(between.translation, edge.i_from_j.translation, atol=1e-9)
        assert np.linalg.eigvalsh(edge.covariance).min() >= -1e-12
    parts = [read_session(run.folder) for run in sharded.runs]
    assert len(session.submaps) == sum(len(each.submaps) for each in parts)


def test_uncertainty_grows_from_shard_to_shard(joined):
    # Of each in its own unit.
    along = [
        each.map_from_submap.scale**2 * np.trace(each.covariance[3:6, 3:6])
        for each in joined.result.session.submaps
    ]
    assert along[0] == pytest.approx(0.0, abs=1e-9)
    assert along[-1] > along[len(along) // 2] > along[1]


def test_points_lie_where_those_of_the_joined_cloud_do(joined):
    cloud = joined.result.points.points_in_map
    away, _ = cKDTree(joined.result.session.voxels.means[:, :3]).query(cloud[::20])
    extent = np.linalg.norm(np.ptp(cloud, axis=0))
    assert np.median(away) < 0.01 * extent


def test_it_can_be_stored_and_gone_on_with(joined, sharded, tmp_path):
    write_session(tmp_path, joined.result.session, software='test', settings={})
    current = MapState(LiveConfig(sharded.config))
    current.restore(read_session(tmp_path))
    assert len(current.graph) == len(joined.result.session.submaps)
    assert len(current.views()) == len(joined.result.keyframes)
    assert len(current.places.keyframes()) == len(joined.result.session.keyframes)


def test_parts_that_nothing_connects_stay_apart(sharded):
    shards = sharded.shards
    found = join_shards([shards[0], *shards[2:]], [0, 2, 3], sharded.config, refines=False)
    session = found.result.session
    segments = [each.segment for each in session.submaps]
    assert set(segments) == {0, 1}
    segment_of = {each.id: each.segment for each in session.submaps}
    assert all(segment_of[edge.i] == segment_of[edge.j] for edge in session.edges)


def test_without_the_session_of_a_shard_there_is_none(sharded, tmp_path, caplog):
    folder = tmp_path / 'shard'
    shutil.copytree(sharded.runs[1].folder, folder)
    shutil.rmtree(folder / 'session')
    shards = sharded.shards
    shards[1] = replace(shards[1], folder=folder)
    assert join_shards(shards, range(4), sharded.config, refines=False).result.session is None
    assert 'the joined map has no session' in caplog.text
