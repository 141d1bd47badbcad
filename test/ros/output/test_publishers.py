from dataclasses import replace

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image, PointCloud2

from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.ros.output.publishers import Publishers
from vggt_ros.settings.config import DepthSettings, VggtConfig
from vggt_ros.settings.input_config import InputSettings
from vggt_ros.settings.live_config import LiveConfig

STAMPS_NS = [1_700_000_000_000_000_001, 1_700_000_000_100_000_002]


@pytest.fixture
def update(frame_result, make_update):
    results = [frame_result(stamp_ns=stamp_ns, num_tracks=3) for stamp_ns in STAMPS_NS]
    return make_update(results, is_metric=False, meters_per_unit=2.0)


@pytest.fixture
def active(make_node):
    def make(config=None):
        node = make_node('vggt')
        publishers = Publishers(node, LiveConfig(config or VggtConfig()), QosEvents(print))
        node.trigger_configure()
        node.trigger_activate()
        return node, publishers

    return make


def listen(make_node, node, kind, topic):
    heard = []
    node.create_subscription(kind, topic, heard.append, 10)
    assert make_node.spin(lambda: node.count_subscribers(f'/vggt/{topic[2:]}') == 1)
    return heard


def published(make_node, heard, publish, count=1):
    def done():
        if not heard:
            publish()
        return len(heard) >= count

    return make_node.spin(done)


def test_only_what_has_a_listener_is_wanted(make_node, active):
    node, publishers = active()
    assert not (publishers.wants_tracks or publishers.wants_path or publishers.wants_map)
    listen(make_node, node, Image, '~/tracks/image')
    assert make_node.spin(lambda: publishers.wants_tracks)
    assert not (publishers.wants_path or publishers.wants_map)


def test_nothing_is_wanted_while_the_node_is_inactive(make_node, active):
    node, publishers = active()
    listen(make_node, node, PointCloud2, '~/map/points')
    assert make_node.spin(lambda: publishers.wants_map)
    node.trigger_deactivate()
    assert not publishers.wants_map


def test_every_new_frame_has_its_depth(make_node, active, update):
    node, publishers = active()
    heard = listen(make_node, node, Image, '~/depth/image_rect')
    assert published(make_node, heard, lambda: publishers.publish(update), 2)
    assert [message.header.stamp.nanosec for message in heard[:2]] == [1, 100_000_002]


def test_the_encoding_of_the_depth_can_be_chosen(make_node, active, update):
    node, publishers = active(VggtConfig(depth=DepthSettings(encoding='16UC1')))
    heard = listen(make_node, node, Image, '~/depth/image_rect')
    assert published(make_node, heard, lambda: publishers.publish(update))
    assert heard[0].encoding == '16UC1'


def test_the_cloud_is_that_of_the_newest_frame_and_thinned_as_set(make_node, active, update):
    node, publishers = active()
    config = publishers._config
    config.value = replace(config.value, cloud=replace(config.value.cloud, decimation=2))
    heard = listen(make_node, node, PointCloud2, '~/points')
    assert published(make_node, heard, lambda: publishers.publish(update))
    assert heard[0].header.stamp.nanosec == 100_000_002
    assert (heard[0].width, heard[0].height) == (3, 2)


def test_after_destroy_nothing_is_published_and_nothing_breaks(make_node, active, update):
    node, publishers = active()
    heard = listen(make_node, node, PoseStamped, '~/pose')
    publishers.destroy()
    publishers.publish(update)
    poses = StampedPoses(stamps_ns=np.zeros(0, np.int64), map_from_cam=np.zeros((0, 4, 4)))
    publishers.publish_path(poses)
    assert not publishers.wants_tracks
    assert not make_node.spin(lambda: heard, 0.3)
    assert node.count_publishers('/vggt/pose') == 0


def test_an_empty_path_is_published_after_a_reset(make_node, active):
    node, publishers = active()
    heard = listen(make_node, node, Path, '~/path')
    poses = StampedPoses(stamps_ns=np.zeros(0, np.int64), map_from_cam=np.zeros((0, 4, 4)))
    assert published(make_node, heard, lambda: publishers.publish_path(poses))
    assert heard[0].poses == []


def rig_update(update, frame_result):
    """Two sets of two cameras."""
    results = []
    for stamp_ns in STAMPS_NS:
        for camera in (0, 1):
            result = frame_result(stamp_ns=stamp_ns)
            frame = replace(result.frame, camera=camera, camera_frame=f'cam_{camera}')
            results.append(replace(result, frame=frame))
    return replace(update, new_frames=tuple(results))


def test_every_camera_has_topics_of_its_own(make_node, active, update, frame_result):
    config = VggtConfig(input=InputSettings(num_cameras=2))
    node, publishers = active(config)
    both = rig_update(update, frame_result)
    heard = [
        listen(make_node, node, Image, f'~/camera_{camera}/depth/image_rect') for camera in (0, 1)
    ]
    clouds = listen(make_node, node, PointCloud2, '~/camera_1/points')
    assert published(make_node, heard[1], lambda: publishers.publish(both), 2)
    assert make_node.spin(lambda: len(heard[0]) >= 2)
    for camera in (0, 1):
        assert {message.header.frame_id for message in heard[camera]} == {f'cam_{camera}'}
        assert len(heard[camera]) == 2
    assert [cloud.header.stamp.nanosec for cloud in clouds] == [100_000_002], 'the newest one'
    assert node.count_publishers('/vggt/points') == 0
    assert node.count_publishers('/vggt/map/points') == 1, 'the map is one'


def test_a_subscriber_that_asks_for_more_than_is_offered_is_told_about(make_node):
    lines = []
    node = make_node('vggt')
    events = QosEvents(lines.append)
    Publishers(node, LiveConfig(VggtConfig()), events)
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_subscription(PoseStamped, '~/pose', lambda message: None, latched)
    assert make_node.spin(lambda: lines)
    assert '/vggt/pose: a subscriber asks for more' in lines[0]
    assert 'durability' in events.problems['/vggt/pose']
