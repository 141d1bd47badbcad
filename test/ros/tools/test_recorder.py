import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from vggt_ros.evaluation.recording import Recording
from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.ros.middleware import messages
from vggt_ros.ros.output import clouds
from vggt_ros.ros.tools.recorder import Recorder

pytestmark = pytest.mark.ros
STAMPS_NS = (1_700_000_000_000_000_001, 1_700_000_000_100_000_002)
DEADLINE_S = 20.0


@pytest.fixture
def published(tmp_path, frame_result):
    """Publish two frames and what belongs to them; return them and the recording."""
    output = tmp_path / 'recording.npz'
    rclpy.init(args=['--ros-args', '-p', f'output:={output}'])
    recorder, camera = Recorder(), rclpy.create_node('vggt')
    executor = SingleThreadedExecutor()
    executor.add_node(recorder)
    executor.add_node(camera)
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    topics = {
        '~/depth/image_rect': Image,
        '~/rgb/image_rect': Image,
        '~/confidence/image': Image,
        '~/depth/camera_info': CameraInfo,
        '~/pose': PoseStamped,
        '~/path': Path,
        '/diagnostics': DiagnosticArray,
        '/camera/camera_info': CameraInfo,
    }
    send = {name: camera.create_publisher(kind, name, 10) for name, kind in topics.items()}
    send['~/map/points'] = camera.create_publisher(PointCloud2, '~/map/points', latched)
    spin_until(executor, lambda: all(p.get_subscription_count() for p in send.values()))
    results = [frame_result(stamp_ns=stamp_ns) for stamp_ns in STAMPS_NS]
    for result in results:
        publish_frame(send, result)
    moved = np.stack([result.map_from_cam for result in results])
    moved[0, :3, 3] = 7.0, 8.0, 9.0  # as a correction would
    corrected = StampedPoses(stamps_ns=np.array(STAMPS_NS, np.int64), map_from_cam=moved)
    send['~/path'].publish(messages.path('map', corrected))
    points = MapPoints(
        points_in_map=np.array([[1, 2, 3]], np.float32),
        colors=np.array([[10, 20, 250]], np.uint8),
        confidence=np.array([4.0], np.float32),
        hits=np.array([1], np.int64),
    )
    header = messages.header_of(STAMPS_NS[1], 'map')
    send['~/map/points'].publish(clouds.map_cloud(header, points))
    values = [KeyValue(key='frames_in', value='2')]
    send['/diagnostics'].publish(DiagnosticArray(status=[DiagnosticStatus(values=values)]))
    # Four parts and a pose a frame, path, map, diagnostics and two calibrations of the camera.
    spin_until(executor, lambda: recorder.progress()['messages'] >= 15)
    recorder.write()
    for node in (recorder, camera):
        node.destroy_node()
    rclpy.shutdown()
    return results, Recording.load(output)


def publish_frame(send, result):
    header = messages.header_of(result.frame.stamp_ns, 'cam_optical')
    height, width = result.depth.shape
    send['~/depth/image_rect'].publish(messages.depth_image(header, result.depth, '32FC1'))
    send['~/rgb/image_rect'].publish(messages.rgb_image(header, result.image))
    send['~/confidence/image'].publish(messages.confidence_image(header, result.confidence))
    info = messages.camera_info(header, result.K, width, height)
    send['~/depth/camera_info'].publish(info)
    send['/camera/camera_info'].publish(info)
    map_header = messages.header_of(result.frame.stamp_ns, 'map')
    send['~/pose'].publish(messages.pose_stamped(map_header, result.map_from_cam))


def spin_until(executor, condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, 'it did not happen'
        executor.spin_once(timeout_sec=0.05)


def test_frames_are_put_together_from_their_parts(published):
    results, recording = published
    assert [frame.stamp_ns for frame in recording.frames] == list(STAMPS_NS)
    for frame, result in zip(recording.frames, results, strict=True):
        np.testing.assert_array_equal(frame.image, result.image)
        np.testing.assert_array_equal(frame.depth, result.depth)
        np.testing.assert_array_equal(frame.confidence, result.confidence)
        np.testing.assert_array_equal(frame.K, result.K)


def test_the_corrected_path_replaces_the_first_poses(published):
    _, recording = published
    np.testing.assert_array_equal(recording.stamps_ns, STAMPS_NS)
    np.testing.assert_allclose(recording.map_from_cam[0, :3, 3], [7, 8, 9])
    np.testing.assert_allclose(recording.map_from_cam[1, :3, 3], [1, 2, 3])


def test_map_diagnostics_and_stamps_of_the_input_are_kept(published):
    _, recording = published
    np.testing.assert_array_equal(recording.map_points, [[1, 2, 3]])
    np.testing.assert_array_equal(recording.map_colors, [[10, 20, 250]])
    np.testing.assert_array_equal(recording.map_confidence, [4])
    assert recording.diagnostics == {'frames_in': '2'}
    np.testing.assert_array_equal(recording.input_stamps_ns, STAMPS_NS)
    assert recording.message_counts['/vggt/pose'] == 2
