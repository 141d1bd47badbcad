from dataclasses import replace

from vggt_ros.offline.shards.joined_frames import joined_frames, keyframe_rows


def test_every_frame_is_there_once_in_order(sharded):
    frames = joined_frames(sharded.shards)
    assert len(frames) == len(sharded.course)
    begins = [run.frames.first for run in sharded.runs]
    assert [begins[each.shard] + each.row for each in frames] == list(range(len(frames)))
    owners = [each.shard for each in frames]
    assert owners == sorted(owners)


def test_shared_frames_are_halved_between_two_shards(stored_shard, along_wall):
    poses = along_wall(8)
    a, b = stored_shard('a', poses[:6]), stored_shard('b', poses[2:], first=2)
    frames = joined_frames([a, b])
    assert [each.shard for each in frames] == [0] * 4 + [1] * 4
    assert keyframe_rows([a, b], frames) == [
        {0: 0, 1: 1, 2: 2, 3: 3},
        {2: 4, 3: 5, 4: 6, 5: 7},
    ]


def test_a_shard_answers_for_a_frame_that_the_other_has_no_pose_of(stored_shard, along_wall):
    poses = along_wall(8)
    a, b = stored_shard('a', poses[:6]), stored_shard('b', poses[2:], first=2)
    lost = replace(a, poses=replace(a.poses, kind=('keyframe',) * 2 + ('none',) * 4))
    assert [each.shard for each in joined_frames([lost, b])] == [0] * 2 + [1] * 6
    late = replace(b, poses=replace(b.poses, kind=('none',) * 4 + ('keyframe',) * 2))
    assert [each.shard for each in joined_frames([a, late])] == [0] * 6 + [1] * 2
