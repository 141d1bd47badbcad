from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.offline.shards.shared_frames import frame_keys, joint_of

TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@pytest.fixture
def pair(stored_shard, along_wall):
    """Two shards with five frames in common; the later one is turned, and in half meters."""

    def make(poses=None, **later):
        poses = along_wall(14) if poses is None else poses
        turned = se3.rigid(TURN, np.array([1.0, 2.0, 3.0])) @ poses[5:]
        a = stored_shard('a', poses[:10], is_metric=later.get('is_metric', False))
        return a, stored_shard('b', poses[5:], first=5, moved=turned, **{'unit': 2.0} | later)

    return make


def only(shard, row):
    """The shard as if one of its frames were a keyframe."""
    names = ('keyframes', 'segments', 'K', 'K_measured', 'image_size', 'growth', 'descriptors')
    arrays = {name: getattr(shard, name)[[row]] for name in names}
    ranges = {name: each[[row]] for name, each in shard.ranges.items()}
    return replace(shard, ranges=ranges, **arrays)


def test_the_similarity_between_two_shards_is_found(pair):
    a, b = pair()
    joint = joint_of(a, b)
    assert (joint.num_frames, joint.num_keyframes, joint.scale_from) == (5, 5, 'depth')
    assert joint.a_from_b.scale == pytest.approx(0.5, rel=0.01)
    np.testing.assert_allclose(joint.a_from_b.rotation, TURN.T, atol=1e-6)
    moved = joint.a_from_b.apply_to_pose(b.poses.map_from_cam[:5])
    np.testing.assert_allclose(moved, a.poses.map_from_cam[5:], atol=0.02)
    assert joint.position < 0.01
    assert joint.segments == (0, 0)


def test_two_metric_maps_are_joined_rigidly(pair):
    a, b = pair(is_metric=True, unit=1.0)
    joint = joint_of(a, b)
    assert (joint.scale_from, joint.a_from_b.scale) == ('meters', 1.0)
    assert isinstance(joint.a_from_b, Sim3)


def test_without_keyframes_in_common_motion_gives_the_scale(pair):
    a, b = pair()
    joint = joint_of(only(a, 0), only(b, 8))
    assert joint.scale_from == 'motion'
    assert joint.a_from_b.scale == pytest.approx(0.5, rel=0.01)


def test_shared_frames_that_stand_still_and_are_no_keyframes_say_why(pair, along_wall):
    poses = along_wall(14)
    poses[5:10] = poses[5]
    a, b = pair(poses)
    why = joint_of(only(a, 0), only(b, 8))
    assert 'their 5 shared frames hardly move, and 0 of them are keyframes' in why
    assert 'give a larger --shard-overlap' in why


def test_keyframes_of_a_camera_that_stands_still_give_the_scale(pair, along_wall):
    poses = along_wall(14)
    poses[5:10] = poses[5]
    joint = joint_of(*pair(poses))
    assert joint.scale_from == 'depth'
    assert joint.a_from_b.scale == pytest.approx(0.5, rel=0.01)


def test_too_few_shared_frames_and_maps_that_differ_say_why(pair):
    a, b = pair()
    kinds = ('interpolated',) * 3 + b.poses.kind[3:]
    few = replace(b, poses=replace(b.poses, kind=kinds))
    assert 'they share 2 frames with a pose in both, and 3 are needed' in joint_of(a, few)
    bent = b.poses.map_from_cam.copy()
    bent[2:5, :3, 3] += [0.0, 0.0, 9.0]
    why = joint_of(a, replace(b, poses=replace(b.poses, map_from_cam=bent)))
    assert 'their 5 shared frames differ by 0.0 degrees and' in why


def test_frames_are_found_by_stamp_and_camera(pair):
    a, _ = pair()
    assert frame_keys(a)[2] == (2 * 10**9, 0)
    rig = replace(a, poses=replace(a.poses, camera=(0, 1) * 5))
    assert frame_keys(rig)[3] == (3 * 10**9, 1)


def test_shards_of_a_course_that_share_no_keyframe_are_joined_all_the_same(sharded):
    for a, b in pairwise(sharded.shards):
        joint = joint_of(a, b)
        assert not isinstance(joint, str), joint
        true = [
            np.linalg.norm(np.diff(s.poses.map_from_cam[:, :3, 3], axis=0), axis=1).sum()
            / np.linalg.norm(np.diff(s.world_from_cam[:, :3, 3], axis=0), axis=1).sum()
            for s in (a, b)
        ]
        assert joint.a_from_b.scale == pytest.approx(true[0] / true[1], rel=0.06)
