import sys

import numpy as np
import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.geometry.sim3 import align_sim3
from vggt_ros.offline.structure import structure_of_images, structure_of_poses
from vggt_ros.offline.view_graph import view_graph, ViewGraph

pytest.importorskip('pycolmap', reason='pycolmap is the extra offline')


@pytest.fixture(scope='module')
def seen(make_room, along_wall):
    room, truth = make_room(4), along_wall(10)
    return view_graph([room.keyframe(pose) for pose in truth]), truth


def off(structure, truth):
    true = truth[structure.rows][:, :3, 3]
    found = structure.world_from_cam[:, :3, 3]
    truth_from_world = align_sim3(found, true)
    return truth_from_world, np.linalg.norm(truth_from_world.apply(found) - true, axis=1).max()


def test_matches_alone_tell_where_the_cameras_were_and_how_far_things_are(seen):
    graph, truth = seen
    found = structure_of_images(graph, is_calibrated=True)
    truth_from_world, error = off(found, truth)
    assert error < 0.006
    assert found.rows.tolist() == list(range(10))
    np.testing.assert_array_equal(found.K, [each.K for each in graph.keyframes])
    for row, (features, depth) in zip(found.rows, found.depth_of, strict=True):
        true_depth = graph.keyframes[row].points_in_cam[features, 2]
        np.testing.assert_allclose(
            np.median(truth_from_world.scale * depth / true_depth), 1.0, atol=0.01
        )


def test_poses_that_are_nearly_right_become_so(seen):
    graph, truth = seen
    rng = np.random.default_rng(0)
    shaken = truth.copy()
    shaken[:, :3, 3] += 0.005 * rng.normal(size=(10, 3))
    before = np.linalg.norm(shaken[:, :3, 3] - truth[:, :3, 3], axis=1).max()
    found = structure_of_poses(graph, shaken, is_calibrated=True)
    assert off(found, truth)[1] < 0.6 * before


def test_a_wrong_focal_length_is_adjusted_only_where_it_is_not_known(seen):
    graph, _ = seen
    wrong = np.diag([1.04, 1.04, 1.0])
    keyframes = tuple(
        type(each)(
            uv=each.uv,
            descriptors=each.descriptors,
            points_in_cam=each.points_in_cam,
            K=each.K @ wrong,
            image_size=each.image_size,
        )
        for each in graph.keyframes
    )
    other = ViewGraph(keyframes=keyframes, pairs=graph.pairs)
    held = structure_of_images(other, is_calibrated=True)
    free = structure_of_images(other, is_calibrated=False)
    assert held is None or held.K[0, 0, 0] == pytest.approx(312.0)
    assert free.K[0, 0, 0] == pytest.approx(300.0, rel=0.015)


def test_keyframes_with_nothing_in_common_have_no_structure(make_room, along_wall):
    alone = view_graph([make_room(20 + i).keyframe(p) for i, p in enumerate(along_wall(4))])
    assert structure_of_images(alone, is_calibrated=True) is None
    assert structure_of_poses(alone, along_wall(4), is_calibrated=True) is None


def test_without_pycolmap_the_remedy_is_named(seen, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycolmap', None)
    with pytest.raises(ConfigError, match=r'vggt_ros\[offline\]'):
        structure_of_images(seen[0], is_calibrated=True)
