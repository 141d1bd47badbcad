from dataclasses import replace
import sys

import numpy as np
import pytest

from vggt_ros.errors import SaveError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.offline.depth_files import DepthFiles
from vggt_ros.offline.export_rosbag import camera_frame, write_rosbag
from vggt_ros.offline.map_sequence import map_sequence

OURS = '/vggt_node'


@pytest.fixture
def made(walk, config, source_of, truthful, tmp_path):
    """A run of 14 frames with its files, and the bag beside them."""
    pytest.importorskip('rosbags')
    folder = tmp_path / 'run'
    files = DepthFiles(folder / 'frames')
    result = map_sequence(
        source_of(walk, stop=14),
        config=config,
        predictor=truthful(walk),
        on_keyframe=files.add,
    )
    files.finish(result)
    write_rosbag(folder, result)
    return result, folder


def messages_of(folder):
    """Topic to list of (time, message), by the reader of rosbags; and the connections."""
    from rosbags.highlevel import AnyReader
    from rosbags.typesys import get_typestore, Stores

    found = {}
    with AnyReader([folder / 'rosbag'], default_typestore=get_typestore(Stores.EMPTY)) as reader:
        for connection, time_ns, raw in reader.messages():
            message = reader.deserialize(raw, connection.msgtype)
            found.setdefault(connection.topic, []).append((time_ns, message))
        return found, {each.topic: each for each in reader.connections}


def pose_of(translation, rotation):
    quat_xyzw = np.array([rotation.x, rotation.y, rotation.z, rotation.w])
    place = np.array([translation.x, translation.y, translation.z])
    return se3.rigid(matrix_from_quat_xyzw(quat_xyzw), place)


def stamp_ns(header):
    return header.stamp.sec * 10**9 + header.stamp.nanosec


def points_of(cloud):
    names = [field.name for field in cloud.fields]
    assert names == ['x', 'y', 'z', 'rgb', 'confidence']
    rows = np.frombuffer(cloud.data, '<f4').reshape(cloud.height, cloud.width, 5)
    assert (cloud.point_step, cloud.row_step) == (20, 20 * cloud.width)
    return rows[..., :3], rows[..., 3].copy().view('<u4')


def test_every_frame_has_its_transform_and_pose(made):
    result, folder = made
    found, _ = messages_of(folder)
    known = np.flatnonzero(result.poses.is_known)
    assert len(found['/tf']) == len(found[f'{OURS}/pose']) == len(known)
    for i, (time_ns, message), (_, pose) in zip(
        known, found['/tf'], found[f'{OURS}/pose'], strict=True
    ):
        (sent,) = message.transforms
        assert time_ns == stamp_ns(sent.header) == result.poses.stamps_ns[i]
        assert (sent.header.frame_id, sent.child_frame_id) == ('map', 'camera')
        map_from_cam = pose_of(sent.transform.translation, sent.transform.rotation)
        np.testing.assert_allclose(map_from_cam, result.poses.map_from_cam[i], atol=1e-9)
        again = pose_of(pose.pose.position, pose.pose.orientation)
        np.testing.assert_array_equal(again, map_from_cam)
        assert pose.header.frame_id == 'map'


def test_a_keyframe_has_image_depth_calibration_and_points_that_agree(made):
    result, folder = made
    found, _ = messages_of(folder)
    number = len(result.keyframes)
    names = 'rgb/image_rect', 'depth/image_rect', 'depth/camera_info', 'points'
    of_first = [found[f'{OURS}/{name}'] for name in names]
    assert [len(each) for each in of_first] == [number] * 4
    image, depth, info, cloud = (each[0][1] for each in of_first)
    for message in (image, depth, info, cloud):
        assert message.header.frame_id == 'camera'
        assert stamp_ns(message.header) == result.poses.stamps_ns[result.keyframes[0]]
        assert (message.height, message.width) == (64, 84)
    assert (image.encoding, depth.encoding) == ('rgb8', '32FC1')
    meters = depth.data.view('<f4').reshape(64, 84)
    points, rgb = points_of(cloud)
    np.testing.assert_array_equal(points[..., 2], meters)
    projected = points[20, 50] @ info.k.reshape(3, 3).T
    np.testing.assert_allclose(projected[:2] / projected[2], (50, 20), atol=1e-3)
    red, green, blue = image.data.reshape(64, 84, 3)[20, 50].tolist()
    assert rgb[20, 50] == red << 16 | green << 8 | blue


def test_map_and_path_are_latched_and_there_from_the_start(made):
    from rosbags.interfaces import QosDurability

    result, folder = made
    found, connections = messages_of(folder)
    ((time_ns, cloud),) = found[f'{OURS}/map/points']
    assert time_ns == result.poses.stamps_ns[result.poses.is_known].min()
    assert cloud.header.frame_id == 'map'
    assert cloud.is_dense
    points, _ = points_of(cloud)
    np.testing.assert_array_equal(points[0], result.points.points_in_map)
    ((_, path),) = found[f'{OURS}/path']
    assert len(path.poses) == result.poses.is_known.sum()
    assert path.header.frame_id == path.poses[0].header.frame_id == 'map'
    durability = {
        topic: each.ext.offered_qos_profiles[0].durability for topic, each in connections.items()
    }
    latched = {t for t, each in durability.items() if each is QosDurability.TRANSIENT_LOCAL}
    assert latched == {f'{OURS}/map/points', f'{OURS}/path'}


def test_the_reader_of_mcap_finds_the_same(made):
    reader = pytest.importorskip('mcap.reader')
    pytest.importorskip('zstandard')
    _, folder = made
    (path,) = (folder / 'rosbag').glob('*.mcap')
    with path.open('rb') as file:
        found = list(reader.make_reader(file).iter_messages())
    kinds = {channel.topic: schema.name for schema, channel, _ in found}
    assert kinds['/tf'] == 'tf2_msgs/msg/TFMessage'
    assert kinds[f'{OURS}/points'] == 'sensor_msgs/msg/PointCloud2'
    assert {channel.message_encoding for _, channel, _ in found} == {'cdr'}
    assert {schema.encoding for schema, _, _ in found} == {'ros2msg'}
    times = [message.log_time for _, _, message in found]
    assert times == sorted(times)
    assert (folder / 'rosbag' / 'metadata.yaml').exists()


def test_cameras_of_a_rig_have_topics_and_frames_of_their_own(made, tmp_path):
    result, folder = made
    (tmp_path / 'frames').symlink_to(folder / 'frames')
    keys = set(result.keyframes.tolist())
    cameras = tuple(int(i not in keys) for i in range(14))
    write_rosbag(tmp_path, replace(result, poses=replace(result.poses, camera=cameras)))
    found, _ = messages_of(tmp_path)
    assert len(found[f'{OURS}/camera_0/points']) == len(keys)
    assert len(found[f'{OURS}/camera_1/pose']) == result.poses.is_known.sum() - len(keys)
    children = {message.transforms[0].child_frame_id for _, message in found['/tf']}
    assert children == {camera_frame(0), camera_frame(1)} == {'camera', 'camera_1'}
    ((_, path),) = found[f'{OURS}/path']
    assert len(path.poses) == len(keys)


def test_without_images_there_is_no_export(mapped, tmp_path):
    pytest.importorskip('rosbags')
    with pytest.raises(SaveError, match='--depth'):
        write_rosbag(tmp_path, mapped)


def test_without_rosbags_the_remedy_is_told(mapped, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'rosbags.rosbag2', None)
    with pytest.raises(SaveError, match=r'vggt_ros\[offline\]'):
        write_rosbag(tmp_path, mapped)
