from time import thread_time

from cv_bridge import CvBridge
import numpy as np
import pytest
from tf_transformations import quaternion_matrix

from vggt_ros.errors import PublishingError
from vggt_ros.mapping.layers.odometry_chain import OdometryEstimate
from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.ros.middleware import messages
from vggt_ros.ros.middleware.stamps import ns_from_stamp

STAMP_NS = 1_700_000_000_123_456_789
HEADER = messages.header_of(STAMP_NS, 'cam_optical')


def matrix(pose):
    q, t = pose.orientation, pose.position
    found = quaternion_matrix([q.x, q.y, q.z, q.w])
    found[:3, 3] = t.x, t.y, t.z
    return found


def test_header_keeps_every_nanosecond():
    assert ns_from_stamp(HEADER.stamp) == STAMP_NS
    assert HEADER.frame_id == 'cam_optical'


def test_rgb_image_is_read_back_by_cv_bridge(frame_result):
    result = frame_result(5, 7)
    message = messages.rgb_image(HEADER, result.image)
    assert (message.encoding, message.height, message.width, message.step) == ('rgb8', 5, 7, 21)
    np.testing.assert_array_equal(CvBridge().imgmsg_to_cv2(message, 'rgb8'), result.image)


def test_float_depth_keeps_nan_and_every_bit(frame_result):
    depth = frame_result(5, 7).depth
    depth[1, 2] = np.nan
    message = messages.depth_image(HEADER, depth, '32FC1')
    assert (message.encoding, message.step, message.is_bigendian) == ('32FC1', 28, 0)
    np.testing.assert_array_equal(CvBridge().imgmsg_to_cv2(message), depth)


def test_integer_depth_is_millimeters_and_0_where_there_is_none():
    depth = np.array([[1.2344, np.nan, 65.535], [65.6, 0.0002, np.inf]], dtype=np.float32)
    message = messages.depth_image(HEADER, depth, '16UC1')
    assert (message.encoding, message.step) == ('16UC1', 6)
    np.testing.assert_array_equal(CvBridge().imgmsg_to_cv2(message), [[1234, 0, 65535], [0, 0, 0]])


def test_confidence_is_a_float_image(frame_result):
    result = frame_result(5, 7)
    message = messages.confidence_image(HEADER, result.confidence)
    assert message.encoding == '32FC1'
    np.testing.assert_array_equal(CvBridge().imgmsg_to_cv2(message), result.confidence)


def test_camera_info_describes_the_published_pixels():
    K = np.array([[100.0, 0.0, 3.0], [0.0, 110.0, 2.0], [0.0, 0.0, 1.0]])
    info = messages.camera_info(HEADER, K, 518, 392)
    assert (info.width, info.height, info.distortion_model) == (518, 392, 'plumb_bob')
    assert list(info.d) == [0.0] * 5
    np.testing.assert_array_equal(np.reshape(info.k, (3, 3)), K)
    np.testing.assert_array_equal(np.reshape(info.r, (3, 3)), np.eye(3))
    np.testing.assert_array_equal(np.reshape(info.p, (3, 4)), np.c_[K, np.zeros(3)])
    assert info.header == HEADER


def test_pose_is_where_the_camera_is_in_the_map(frame_result):
    map_from_cam = frame_result().map_from_cam
    message = messages.pose_stamped(HEADER, map_from_cam)
    np.testing.assert_allclose(matrix(message.pose), map_from_cam, atol=1e-12)
    np.testing.assert_array_equal(messages.matrix_of(message.pose), matrix(message.pose))
    assert message.header == HEADER


def test_pose_array_keeps_the_order(frame_result):
    poses = np.stack([frame_result().map_from_cam] * 3)
    poses[:, 0, 3] = 1.0, 2.0, 3.0
    message = messages.pose_array(HEADER, poses)
    assert [pose.position.x for pose in message.poses] == [1.0, 2.0, 3.0]


def test_path_has_the_stamp_of_every_pose_and_of_the_newest(frame_result):
    poses = StampedPoses(
        stamps_ns=np.array([STAMP_NS - 1, STAMP_NS]),
        map_from_cam=np.stack([frame_result().map_from_cam] * 2),
    )
    message = messages.path('map', poses)
    assert [ns_from_stamp(pose.header.stamp) for pose in message.poses] == [STAMP_NS - 1, STAMP_NS]
    assert {pose.header.frame_id for pose in message.poses} == {'map'}
    assert ns_from_stamp(message.header.stamp) == STAMP_NS


def test_an_empty_path_is_a_message_too():
    empty = StampedPoses(stamps_ns=np.zeros(0, np.int64), map_from_cam=np.zeros((0, 4, 4)))
    message = messages.path('map', empty)
    assert list(message.poses) == []
    assert message.header.frame_id == 'map'


def test_transform_names_parent_and_child(frame_result):
    map_from_cam = frame_result().map_from_cam
    message = messages.transform(messages.header_of(STAMP_NS, 'map'), 'cam_optical', map_from_cam)
    assert (message.header.frame_id, message.child_frame_id) == ('map', 'cam_optical')
    q, t = message.transform.rotation, message.transform.translation
    found = quaternion_matrix([q.x, q.y, q.z, q.w])
    found[:3, 3] = t.x, t.y, t.z
    np.testing.assert_allclose(found, map_from_cam, atol=1e-12)


@pytest.mark.parametrize('encoding', ['32FC1', '16UC1'])
def test_depth_of_a_full_image_takes_no_longer_than_5_ms(frame_result, encoding):
    depth = frame_result(392, 518).depth
    durations = []
    for _ in range(20):
        start = thread_time()
        messages.depth_image(HEADER, depth, encoding)
        durations.append(thread_time() - start)
    assert min(durations) < 0.005


def test_a_pose_comes_with_its_covariance_row_by_row(frame_result):
    result = frame_result()
    header = messages.header_of(5, 'map')
    message = messages.pose_with_covariance_stamped(header, result.map_from_cam, result.covariance)
    assert message.header.frame_id == 'map'
    assert message.pose.pose == messages.pose(result.map_from_cam)
    np.testing.assert_array_equal(
        np.reshape(message.pose.covariance, (6, 6)), np.diag([0.01, 0.02, 0.03, 0.1, 0.2, 0.3])
    )


def test_odometry_names_both_frames_and_its_twist_is_the_cameras(frame_result):
    result = frame_result()
    estimate = OdometryEstimate(
        stamp_ns=7,
        odom_from_cam=result.map_from_cam,
        covariance=np.eye(6),
        twist=np.arange(6.0),
        twist_covariance=2.0 * np.eye(6),
    )
    message = messages.odometry(messages.header_of(7, 'vggt_odom'), 'cam_optical', estimate)
    assert (message.header.frame_id, message.child_frame_id) == ('vggt_odom', 'cam_optical')
    twist = message.twist.twist
    assert (twist.linear.x, twist.linear.y, twist.linear.z) == (0.0, 1.0, 2.0)
    assert (twist.angular.x, twist.angular.y, twist.angular.z) == (3.0, 4.0, 5.0)
    assert message.pose.covariance[7] == 1.0
    assert message.twist.covariance[35] == 2.0


def absurd(x=0.0, scale=1.0):
    pose = np.eye(4)
    pose[:3, :3] *= scale
    pose[0, 3] = x
    return pose


@pytest.mark.parametrize(
    ('wrong', 'words'),
    [
        (absurd(1e155), 'longer than'),
        (absurd(-1e300), 'longer than'),
        (absurd(np.inf), 'not finite'),
        (absurd(np.nan), 'not finite'),
        (absurd(scale=2.0), 'not rigid'),
    ],
)
def test_no_pose_that_can_not_be_leaves_the_node(frame_result, wrong, words):
    header = messages.header_of(STAMP_NS, 'map')
    covariance = np.eye(6)
    poses = StampedPoses(
        stamps_ns=np.array([1, 2], dtype=np.int64), map_from_cam=np.stack([np.eye(4), wrong])
    )
    estimate = OdometryEstimate(
        stamp_ns=STAMP_NS,
        odom_from_cam=wrong,
        covariance=covariance,
        twist=np.zeros(6),
        twist_covariance=covariance,
    )
    for make in (
        lambda: messages.pose_stamped(header, wrong),
        lambda: messages.pose_with_covariance_stamped(header, wrong, covariance),
        lambda: messages.pose_array(header, poses.map_from_cam),
        lambda: messages.path('map', poses),
        lambda: messages.odometry(header, 'camera', estimate),
        lambda: messages.transform(header, 'odom', wrong),
    ):
        with pytest.raises(PublishingError, match=words):
            make()


@pytest.mark.parametrize('name', ['covariance', 'twist', 'twist_covariance'])
def test_no_speed_or_covariance_that_is_not_finite_leaves_the_node(name):
    header = messages.header_of(STAMP_NS, 'map')
    known = {
        'stamp_ns': STAMP_NS,
        'odom_from_cam': np.eye(4),
        'covariance': np.eye(6),
        'twist': np.zeros(6),
        'twist_covariance': np.eye(6),
    }
    known[name] = known[name] + np.inf
    with pytest.raises(PublishingError, match='not finite'):
        messages.odometry(header, 'camera', OdometryEstimate(**known))
    with pytest.raises(PublishingError, match='not finite'):
        messages.pose_with_covariance_stamped(header, np.eye(4), np.full((6, 6), np.nan))
