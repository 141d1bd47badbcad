from time import thread_time

import numpy as np
import pytest
from sensor_msgs.msg import PointField
from sensor_msgs_py import point_cloud2

from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.ros.middleware.messages import header_of
from vggt_ros.ros.output.clouds import frame_cloud, map_cloud, tracks_cloud

HEADER = header_of(1_700_000_000_123_456_789, 'cam_optical')


def layout(cloud):
    return [(field.name, field.offset, field.datatype, field.count) for field in cloud.fields]


def test_frame_cloud_has_the_documented_layout(frame_result):
    cloud = frame_cloud(HEADER, frame_result(4, 6), 1)
    assert layout(cloud) == [
        ('x', 0, PointField.FLOAT32, 1),
        ('y', 4, PointField.FLOAT32, 1),
        ('z', 8, PointField.FLOAT32, 1),
        ('rgb', 12, PointField.FLOAT32, 1),
        ('confidence', 16, PointField.FLOAT32, 1),
    ]
    assert (cloud.height, cloud.width) == (4, 6)
    assert (cloud.point_step, cloud.row_step) == (20, 120)
    assert len(cloud.data) == 4 * 6 * 20
    assert not cloud.is_bigendian
    assert not cloud.is_dense
    assert cloud.header == HEADER


def test_frame_cloud_keeps_rows_as_rows_and_marks_the_rest_nan(frame_result):
    result = frame_result(4, 6)
    cloud = frame_cloud(HEADER, result, 1)
    read = point_cloud2.read_points(cloud, reshape_organized_cloud=True)
    points = np.stack([read['x'], read['y'], read['z']], axis=-1).reshape(4, 6, 3)
    np.testing.assert_array_equal(points[result.keep], result.points_in_cam[result.keep])
    assert np.isnan(points[~result.keep]).all()
    np.testing.assert_array_equal(read['confidence'].reshape(4, 6), result.confidence)


def test_frame_cloud_packs_color_as_rviz_reads_it(frame_result):
    result = frame_result(2, 3)
    raw = np.frombuffer(frame_cloud(HEADER, result, 1).data, np.uint8).reshape(2, 3, 20)
    np.testing.assert_array_equal(raw[..., 12:15], result.image[..., ::-1])
    assert (raw[..., 15] == 0).all()


def test_frame_cloud_takes_every_nth_row_and_column(frame_result):
    result = frame_result(5, 7)
    cloud = frame_cloud(HEADER, result, 3)
    assert (cloud.height, cloud.width) == (2, 3)
    read = point_cloud2.read_points(cloud)
    np.testing.assert_array_equal(read['confidence'], result.confidence[::3, ::3].ravel())


def test_frame_cloud_of_a_full_image_takes_no_longer_than_5_ms(frame_result):
    result = frame_result(392, 518)
    durations = []
    for _ in range(20):
        start = thread_time()
        frame_cloud(HEADER, result, 1)
        durations.append(thread_time() - start)
    assert min(durations) < 0.005


@pytest.mark.parametrize('num_points', [0, 1, 5])
def test_map_cloud_is_dense_and_unorganized(rng, num_points):
    points = MapPoints(
        points_in_map=rng.normal(size=(num_points, 3)).astype(np.float32),
        colors=rng.integers(0, 256, (num_points, 3), dtype=np.uint8),
        confidence=rng.uniform(1, 2, num_points).astype(np.float32),
        hits=np.ones(num_points, np.int64),
    )
    cloud = map_cloud(HEADER, points)
    assert (cloud.height, cloud.width, cloud.is_dense) == (1, num_points, True)
    assert cloud.row_step == len(cloud.data) == 20 * num_points
    read = point_cloud2.read_points(cloud)
    np.testing.assert_array_equal(read['x'], points.points_in_map[:, 0])
    np.testing.assert_array_equal(read['confidence'], points.confidence)


def test_tracks_cloud_has_the_documented_layout_and_numbers(frame_result):
    tracks = frame_result(num_tracks=7).tracks
    cloud = tracks_cloud(HEADER, tracks)
    float32, uint32 = PointField.FLOAT32, PointField.UINT32
    assert layout(cloud) == [
        ('x', 0, float32, 1),
        ('y', 4, float32, 1),
        ('z', 8, float32, 1),
        ('u', 12, float32, 1),
        ('v', 16, float32, 1),
        ('id', 20, uint32, 1),
        ('visibility', 24, float32, 1),
        ('confidence', 28, float32, 1),
    ]
    assert (cloud.height, cloud.width, cloud.point_step) == (1, 7, 32)
    read = point_cloud2.read_points(cloud)
    np.testing.assert_array_equal(read['id'], tracks.ids)
    np.testing.assert_array_equal(read['u'], tracks.uv[:, 0])
    np.testing.assert_array_equal(read['v'], tracks.uv[:, 1])
    np.testing.assert_array_equal(read['z'], tracks.points_in_cam[:, 2])
    np.testing.assert_array_equal(read['visibility'], tracks.visibility)
