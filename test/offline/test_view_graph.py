import numpy as np
import pytest

from vggt_ros.offline.view_graph import view_graph


@pytest.fixture(scope='module')
def seen(make_room, along_wall):
    """A graph of a wall, its true poses and intrinsics."""
    room, truth = make_room(), along_wall()
    keyframes = [room.keyframe(pose) for pose in truth]
    return view_graph(keyframes), truth, np.stack([each.K for each in keyframes])


def test_neighbors_and_images_that_look_alike_are_matched(seen):
    graph, truth, _ = seen
    pairs = {(each.a, each.b) for each in graph.pairs}
    assert all((row, row + 1) in pairs for row in range(len(truth) - 1))
    assert all(a < b for a, b in pairs)
    assert max(b - a for a, b in pairs) > 4, 'farther ones, because they look alike'


def test_true_poses_explain_all_matches_and_wrong_ones_fewer(seen):
    graph, truth, K = seen
    num_matches = sum(len(each.matches) for each in graph.pairs)
    support = graph.support(truth, K)
    assert support > 0.99 * num_matches
    shifted = truth.copy()
    shifted[5, :3, 3] += (0.0, 0.1, 0.0)
    assert graph.support(shifted, K) < 0.97 * support
    scaled = truth.copy()
    scaled[:, :3, 3] *= 7.0
    assert graph.support(scaled, K) == support, 'images know no unit'


def test_a_keyframe_without_a_pose_explains_nothing(seen):
    graph, truth, K = seen
    unknown = truth.copy()
    unknown[3] = np.nan
    without = sum(len(each.matches) for each in graph.pairs if 3 in (each.a, each.b))
    assert graph.support(unknown, K) <= graph.support(truth, K) - 0.9 * without


def test_without_keyframes_there_is_nothing():
    assert view_graph([]).pairs == ()


def test_neighbors_are_those_that_share_most_first(seen):
    graph, truth, _ = seen
    for row in range(len(truth)):
        near = graph.neighbors(row)
        shared = [
            len(each.matches)
            for other in near
            for each in graph.pairs
            if {each.a, each.b} == {row, other}
        ]
        assert len(shared) == len(near) > 0
        assert shared == sorted(shared, reverse=True)
    assert len({row for each in graph.pairs for row in (each.a, each.b)} - {0}) >= len(
        graph.neighbors(0)
    )
