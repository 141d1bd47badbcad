from geometry_msgs.msg import PoseStamped
import pytest
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from vggt_ros.ros.output.camera_publishers import CameraPublishers, reliable
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.input_config import InputSettings
from vggt_ros.settings.live_config import LiveConfig


@pytest.fixture
def make(make_node):
    """Make the publishers of a camera on an active node, and hear what they send."""

    def make_publishers(num_cameras, camera=0):
        node = make_node('vggt')
        config = VggtConfig(input=InputSettings(num_cameras=num_cameras))
        made = CameraPublishers(
            node.create_lifecycle_publisher,
            lambda publisher: publisher.get_subscription_count() > 0,
            LiveConfig(config),
            camera,
        )
        node.trigger_configure()
        node.trigger_activate()
        return node, made

    return make_publishers


def listen(make_node, node, kind, name):
    heard = []
    node.create_subscription(kind, f'~/{name}', heard.append, 10)
    return heard, lambda: node.count_subscribers(f'/vggt/{name}') == 1


def test_names_have_the_number_of_the_camera_if_there_are_several(make):
    assert make(1)[0].count_publishers('/vggt/depth/image_rect') == 1
    assert make(3, camera=2)[0].count_publishers('/vggt/camera_2/depth/image_rect') == 1


def test_depth_and_calibration_have_one_header_and_one_size(make_node, make, frame_result):
    node, made = make(1)
    topics = (
        (Image, 'depth/image_rect'),
        (CameraInfo, 'depth/camera_info'),
        (Image, 'rgb/image_rect'),
    )
    heard = [listen(make_node, node, *topic)[0] for topic in topics]
    result = frame_result()

    def all_came():
        if not all(heard):
            made.publish_frame(result)
        return all(heard)

    assert make_node.spin(all_came)
    depth, info, rgb = (messages[0] for messages in heard)
    assert depth.header == info.header == rgb.header
    assert (depth.width, depth.height) == (info.width, info.height) == (rgb.width, rgb.height)


def test_poses_are_in_the_map(make_node, make, frame_result):
    node, made = make(1)
    heard, is_connected = listen(make_node, node, PoseStamped, 'pose')
    assert make_node.spin(is_connected)
    assert make_node.spin(lambda: made.publish_pose(frame_result()) or heard)
    assert heard[0].header.frame_id == 'map'


def test_tracks_are_wanted_by_those_who_listen_to_them(make_node, make, frame_result):
    node, made = make(1)
    assert not made.wants_tracks
    heard, _ = listen(make_node, node, PointCloud2, 'tracks')
    assert make_node.spin(lambda: made.wants_tracks)
    made.publish_frame(frame_result(num_tracks=3))
    assert make_node.spin(lambda: heard)
    assert heard[0].width == 3


def test_data_is_reliable():
    assert reliable(3).reliability == ReliabilityPolicy.RELIABLE
