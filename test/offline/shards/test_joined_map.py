import numpy as np
import pytest

from vggt_ros.evaluation.trajectory import trajectory_error
from vggt_ros.offline.global_refinement import GlobalRefinement, GlobalReport
from vggt_ros.offline.shards import joined_map
from vggt_ros.offline.shards.joined_map import join_shards, NOT_NEIGHBORS
from vggt_ros.offline.truth_errors import truth_errors


@pytest.fixture(scope='module')
def joined(sharded):
    return join_shards(sharded.shards, range(4), sharded.config, refines=False)


def ate_m(result):
    return truth_errors(result)['frames']['ate_sim3_m']


def test_four_shards_are_as_good_as_one(sharded, joined):
    whole = sharded.whole.record['errors']['frames']
    assert joined.result.num_segments == 1
    assert joined.is_connected == (True,) * 3
    # Shards put end to end in units of their own, as if there were nothing to join them by.
    apart = join_shards(sharded.shards, [0, 2, 4, 6], sharded.config, refines=False)
    assert set(apart.joints) == {NOT_NEIGHBORS}
    assert apart.result.num_segments == 4
    found, nothing_done = ate_m(joined.result), ate_m(apart.result)
    assert nothing_done > 5 * whole['ate_sim3_m']
    assert found < 2 * whole['ate_sim3_m']
    assert found < 0.2 * nothing_done


def test_every_frame_has_one_pose_and_keyframes_have_depth_in_its_unit(sharded, joined):
    result = joined.result
    assert len(result.poses) == len(sharded.course)
    assert result.poses.coverage == 1.0
    assert (np.diff(result.poses.stamps_ns) == 50_000_000).all()
    assert [result.poses.kind[i] for i in result.keyframes] == ['keyframe'] * len(result.keyframes)
    assert len(result.views) == len(result.growth) == len(result.segments)
    for view, i in zip(result.views, result.keyframes, strict=True):
        np.testing.assert_array_equal(view.map_from_cam, result.poses.map_from_cam[i])
        assert view.stamp_ns == result.poses.stamps_ns[i]
    scales = {frame.shard: joined.result.growth[k] for k, frame in
              enumerate(joined.frames[i] for i in result.keyframes)}  # fmt: skip
    assert scales[0] == 1.0
    assert len(set(scales.values())) == 4
    assert result.counts.frames_in == len(sharded.course)


def test_the_cloud_is_where_the_things_are(sharded, joined):
    result, world = joined.result, sharded.course.world
    poses, course = result.poses.map_from_cam, sharded.course
    truth_from_map = trajectory_error(poses, course.world_from_cam).truth_from_map
    # Points of the joined cloud in front of a camera of the last shard, and true depth there.
    row = int(result.keyframes[-2])
    true = world.depth(course.world_from_cam[row], course.K, course.width, course.height)
    points = truth_from_map.apply(result.points.points_in_map.astype(float))
    cam = np.linalg.inv(course.world_from_cam[row])
    in_cam = points @ cam[:3, :3].T + cam[:3, 3]
    uv = in_cam @ course.K.T
    uv = np.rint(uv[:, :2] / np.where(uv[:, 2:] > 0.1, uv[:, 2:], np.nan)) if len(uv) else uv
    inside = (uv >= 0).all(axis=1) & (uv < (course.width, course.height)).all(axis=1)
    column, line = uv[inside].astype(int).T
    ratio = in_cam[inside, 2] / true[line, column]
    assert len(ratio) > 500
    assert np.mean(np.abs(ratio - 1) < 0.1) > 0.6


def test_all_keyframes_are_adjusted_at_once_if_that_is_asked_for(sharded, monkeypatch):
    asked = []

    def refine(keyframes, map_from_cam, *, is_calibrated):
        asked.append((len(keyframes), is_calibrated))
        return GlobalRefinement(
            report=GlobalReport(method='images', why='', num_keyframes=len(keyframes)),
            map_from_cam=map_from_cam + np.array([[0, 0, 0, 1.0]] * 3 + [[0.0] * 4]),
            growth=np.full(len(keyframes), 2.0),
            K=np.array([each.K for each in keyframes]),
            neighbors=((),) * len(keyframes),
        )

    monkeypatch.setattr(joined_map, 'refine_globally', refine)
    found = join_shards(sharded.shards, range(4), sharded.config).result
    kept = join_shards(sharded.shards, range(4), sharded.config, refines=False).result
    assert asked == [(len(found.keyframes), True)]
    assert found.refinement.method == 'images'
    assert kept.refinement.why == 'not asked for'
    np.testing.assert_allclose(found.growth, 2.0 * kept.growth)
    moved = found.poses.map_from_cam[:, :3, 3] - kept.poses.map_from_cam[:, :3, 3]
    np.testing.assert_allclose(moved[found.keyframes], np.ones((len(found.keyframes), 3)))
    # Frames between keyframes go along, at twice the distance from them.
    assert np.abs(moved - 1.0).max() < 0.5
    assert np.abs(moved - 1.0).max() > 1e-3


def test_samples_and_truth_are_those_of_the_shards(sharded, joined):
    result = joined.result
    assert {sample.frame_id for sample in result.samples} <= set(result.keyframes.tolist())
    assert len({joined.frames[sample.frame_id].shard for sample in result.samples}) == 4
    np.testing.assert_array_equal(result.truth.world_from_cam, sharded.course.world_from_cam)
