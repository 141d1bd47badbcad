from dataclasses import replace

import numpy as np

from vggt_ros.offline.shards.shard_files import read_shard, SHARD, ShardFiles


def test_what_keyframes_show_comes_back_in_the_unit_of_the_map(
    make_room, along_wall, uniform_keyframe, stored_shard
):
    poses = along_wall(3)
    shard = stored_shard('a', poses, descriptors=4)
    assert shard.keyframes.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(shard.poses.map_from_cam, poses)
    assert shard.poses.kind == ('keyframe',) * 3
    assert shard.descriptors.shape == (3, 4)
    longer = replace(shard, growth=np.array([1.0, 2.0, 1.0]))
    measured, now = shard.features(1), longer.features(1)
    assert len(measured) > 100
    np.testing.assert_array_equal(now.uv, measured.uv)
    np.testing.assert_array_equal(now.descriptors, measured.descriptors)
    np.testing.assert_allclose(now.points_in_cam, 2 * measured.points_in_cam, rtol=1e-6)
    assert now.image_size == (320, 240)
    cloud = shard.cloud(2)
    np.testing.assert_allclose(cloud['xyz'], [[0, 0, 2]] * len(cloud))
    assert set(cloud['rgb'].ravel()) == {30}
    # Of another focal length what was measured is wider or narrower.
    other = replace(shard, K=2.0 * shard.K_measured)
    x, y, z = (other.features(0).points_in_cam / shard.features(0).points_in_cam).T
    np.testing.assert_allclose([x, y, z], np.array([[0.5], [0.5], [1.0]]) * np.ones(len(x)))


def test_files_of_a_run_have_all_that_the_result_has(sharded):
    shard = sharded.shards[1]
    record = shard.record
    assert len(shard.poses) == record['frames']['read'] == sharded.runs[1].frames.count
    assert len(shard.keyframes) == record['frames']['in_map']
    assert shard.world_from_cam.shape == (len(shard.poses), 4, 4)
    assert shard.is_calibrated
    assert not shard.scale.is_metric
    assert np.isnan(shard.scale.meters_per_unit)
    assert np.isinf(shard.scale.log_sigma)
    assert 1 <= len(shard.samples) <= 6
    assert set(shard.segments) == {0}
    assert shard.descriptors.shape[1] == 64


def test_files_of_a_run_that_was_killed_are_replaced(stored_shard, along_wall, tmp_path):
    stored_shard('a', along_wall(3))
    ShardFiles(tmp_path / 'a' / SHARD).close()
    assert (tmp_path / 'a' / SHARD / 'features.bin').stat().st_size == 0
    assert len(stored_shard('a', along_wall(2)).keyframes) == 2
    assert len(read_shard(tmp_path / 'a').features(1)) > 100
