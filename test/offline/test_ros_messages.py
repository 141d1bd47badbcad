import numpy as np
import pytest

from vggt_ros.offline.ros_messages import RosMessages


@pytest.fixture
def store():
    typesys = pytest.importorskip('rosbags.typesys')
    return typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)


def test_every_message_survives_the_wire(store):
    make = RosMessages(store)
    header = make.header(1_700_000_000_123_456_789, 'map')
    assert (header.stamp.sec, header.stamp.nanosec) == (1_700_000_000, 123_456_789)
    pose = make.pose_stamped(header, np.eye(4))
    made = [
        make.transforms(header, 'camera', np.eye(4)),
        pose,
        make.path(header, [pose]),
        make.image(header, np.arange(24, dtype=np.uint8).reshape(2, 4, 3), 'rgb8'),
        make.image(header, np.arange(8, dtype=np.float32).reshape(2, 4), '32FC1'),
        make.camera_info(header, np.diag([5.0, 6.0, 1.0]), 4, 2),
    ]
    for message in made:
        name = message.__msgtype__
        raw = store.serialize_cdr(message, name)
        again = store.deserialize_cdr(raw, name)
        assert bytes(store.serialize_cdr(again, name)) == bytes(raw)
    assert [made[i].step for i in (3, 4)] == [12, 16]
    assert made[5].p.reshape(3, 4)[1, 1] == 6.0


def test_a_cloud_is_dense_only_if_all_its_points_are_known(store):
    make = RosMessages(store)
    header = make.header(1, 'map')
    points = np.zeros((5, 3), np.float32)
    colors, confidence = np.full((5, 3), 255, np.uint8), np.ones(5, np.float32)
    cloud = make.cloud(header, points, colors, confidence)
    assert (cloud.height, cloud.width, cloud.is_dense) == (1, 5, True)
    points[2] = np.nan
    assert not make.cloud(header, points, colors, confidence).is_dense
    organized = make.cloud(
        header, points.reshape(5, 1, 3), colors.reshape(5, 1, 3), confidence.reshape(5, 1)
    )
    assert (organized.height, organized.width) == (5, 1)
