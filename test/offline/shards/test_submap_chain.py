from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.offline.shards.joined_frames import joined_frames, keyframe_rows
from vggt_ros.offline.shards.shared_frames import joint_of
from vggt_ros.offline.shards.submap_chain import chained, pieces_of
from vggt_ros.settings.world_config import LoopSettings

NO_LOOPS = LoopSettings(enable=False)


@pytest.fixture
def chain_of():
    def make(shards, joints=None, settings=NO_LOOPS, *, is_metric=False):
        if joints is None:
            joints = [joint_of(a, b) for a, b in pairwise(shards)]
        rows = keyframe_rows(shards, joined_frames(shards))
        return chained(shards, pieces_of(shards, rows), joints, settings, is_metric=is_metric)

    return make


def positions(shards, chain):
    """Where the keyframes are in the joined map, in order."""
    found = []
    for each in chain.placed:
        shard = shards[each.piece.shard]
        frames = shard.keyframes[list(each.piece.rows)]
        found += list(each.map_from_shard.apply(shard.poses.map_from_cam[frames, :3, 3]))
    return np.array(found)


def test_pieces_are_keyframes_in_a_row_of_one_segment(stored_shard, along_wall):
    shard = stored_shard('a', along_wall(10))
    parted = replace(shard, segments=np.array([0] * 6 + [1] * 4))
    pieces = pieces_of([parted], [{row: row for row in range(1, 10)}])
    assert [each.rows for each in pieces] == [(1, 2, 3, 4), (5,), (6, 7, 8, 9)]
    assert [each.segment for each in pieces] == [0, 0, 1]


def test_joints_put_shards_of_any_unit_into_one_map(stored_shard, along_wall, chain_of):
    poses = along_wall(20)
    shards = [
        stored_shard('a', poses[:10]),
        stored_shard('b', poses[6:16], first=6, unit=2.0),
        stored_shard('c', poses[12:], first=12, unit=0.7),
    ]
    chain = chain_of(shards)
    assert {each.segment for each in chain.placed} == {0}
    np.testing.assert_allclose(positions(shards, chain), poses[:, :3, 3], atol=0.02)
    assert chain.num_loops == 0


def test_the_unit_is_the_meter_if_one_shard_is_metric(stored_shard, along_wall, chain_of):
    poses = along_wall(16)
    shards = [
        stored_shard('a', poses[:10], unit=3.0),
        stored_shard('b', poses[6:], first=6, is_metric=True),
    ]
    found = positions(shards, chain_of(shards))
    steps, true_steps = (
        np.linalg.norm(np.diff(each, axis=0), axis=1).sum() for each in (found, poses[:, :3, 3])
    )
    assert steps == pytest.approx(true_steps, rel=0.02)


def test_a_shard_without_a_joint_begins_a_segment_where_the_last_ended(
    stored_shard, along_wall, chain_of
):
    poses = along_wall(16)
    shards = [stored_shard('a', poses[:8]), stored_shard('b', poses[8:], first=8)]
    chain = chain_of(shards, [None])
    assert [each.segment for each in chain.placed] == [0, 0, 1, 1]
    found = positions(shards, chain)
    np.testing.assert_allclose(found[8], found[7], atol=1e-9)


def there_and_back(along_wall, count):
    poses = along_wall(count)
    return np.concatenate([poses, poses[::-1]])


@pytest.mark.slow
def test_loops_across_shards_undo_what_the_joint_has_wrong(stored_shard, along_wall, chain_of):
    poses = there_and_back(along_wall, 36)
    shards = [
        stored_shard('a', poses[:39], descriptors=2),
        stored_shard('b', poses[33:], first=33, descriptors=2),
    ]
    joint = joint_of(*shards)
    wrong = se3.rigid(matrix_from_rotation_vector(np.array([0.0, 0.08, 0.0])), np.zeros(3))
    about = poses[36]
    bent = about @ wrong @ se3.inverse(about)
    rotation = bent[:3, :3] @ joint.a_from_b.rotation
    sure = np.diag([0.05**2] * 3 + [0.05**2] * 3 + [0.01**2])
    joint = replace(
        joint,
        a_from_b=replace(
            joint.a_from_b,
            rotation=rotation,
            translation=bent[:3, :3] @ joint.a_from_b.translation + bent[:3, 3],
        ),
        covariance=sure,
    )
    loops = LoopSettings(min_gap=5.0)
    chains = [chain_of(shards, [joint]), chain_of(shards, [joint], loops)]
    errors = [
        np.linalg.norm(positions(shards, chain) - poses[:, :3, 3], axis=1).max()
        for chain in chains
    ]
    assert chains[1].num_across >= 1
    assert errors[0] > 0.1
    assert errors[1] < 0.3 * errors[0]


@pytest.mark.slow
def test_loops_connect_shards_that_no_joint_connects(stored_shard, along_wall, chain_of):
    poses = there_and_back(along_wall, 16)
    shards = [
        stored_shard('a', poses[:16], descriptors=2),
        stored_shard('b', poses[16:], first=16, unit=1.7, descriptors=2),
    ]
    chain = chain_of(shards, [None], LoopSettings(min_gap=5.0))
    assert {each.segment for each in chain.placed} == {0}
    assert chain.num_across >= 1
    np.testing.assert_allclose(positions(shards, chain), poses[:, :3, 3], atol=0.05)
