import itertools

import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.bag_poses import child_from_camera, read_poses, stamp_of
from vggt_ros.sources.bag_reader import BagReader
from vggt_ros.sources.bag_transforms import StaticTransforms

STEP_NS = 50_000_000


@pytest.fixture
def poses(write_bag):
    numbers = itertools.count()

    def read(make, topic='/poses'):
        with BagReader(write_bag(make, name=f'walk{next(numbers)}')) as reader:
            return read_poses(reader, topic)

    return read


def test_odometry_is_sorted_by_its_stamps_and_interpolated(poses):
    def messages(m):
        yield '/poses', 1, m.odometry(3 * STEP_NS, (3, 0, 0))
        yield '/poses', 2, m.odometry(1 * STEP_NS, (1, 0, 0))
        yield '/poses', 3, m.odometry(2 * STEP_NS, (2, 0, 0), quat_xyzw=(0, 0, 0, 0))

    found = poses(messages)
    assert found.poses.stamps_ns.tolist() == [STEP_NS, 3 * STEP_NS], 'one is no rotation'
    np.testing.assert_allclose(found.poses.at(2 * STEP_NS)[:3, 3], [2, 0, 0])
    assert found.child == 'base_link'


def test_transforms_and_poses_without_a_child_are_read(poses):
    def transforms(m):
        yield '/poses', 1, m.transform(5, 'world', '/imu', (1, 2, 3))

    found = poses(transforms)
    assert found.child == 'imu'
    np.testing.assert_array_equal(found.poses.at(5)[:3, 3], [1, 2, 3])


def test_poses_without_a_child_are_of_the_camera(write_bag):
    def messages(m):
        pose = m.make(
            'geometry_msgs/msg/Pose', m.vector((1, 2, 3), 'Point'), m.quaternion((0, 0, 0, 1))
        )
        yield '/poses', 1, m.make('geometry_msgs/msg/PoseStamped', m.header(5, 'map'), pose)

    with BagReader(write_bag(messages)) as reader:
        found = read_poses(reader, '/poses')
    assert found.child == ''
    np.testing.assert_array_equal(child_from_camera(found, 'cam', StaticTransforms([])), np.eye(4))


def test_a_child_is_connected_to_the_camera_by_static_transforms(poses, ros2_messages):
    m = ros2_messages
    found = poses(lambda m: [('/poses', 1, m.odometry(5, (0, 0, 0)))])
    tree = StaticTransforms([m.transforms(m.transform(0, 'base_link', 'cam', (0, 0, 1)))])
    np.testing.assert_array_equal(child_from_camera(found, '/cam', tree)[:3, 3], [0, 0, 1])
    with pytest.raises(SourceError, match=r"poses of 'base_link', and /tf_static \(1 frames\)"):
        child_from_camera(found, 'other', tree)


def test_a_topic_without_poses_is_refused_with_those_that_have(poses):
    with pytest.raises(SourceError, match=r'/x has no poses; .* in this bag: /poses'):
        poses(lambda m: [('/poses', 1, m.odometry(5, (0, 0, 0)))], '/x')
    with pytest.raises(SourceError, match='/poses has no usable poses'):
        poses(lambda m: [('/poses', 1, m.odometry(5, (0, 0, 0), (0, 0, 0, 0)))], '/poses')


def test_the_time_of_recording_counts_only_without_a_stamp(ros2_messages):
    assert stamp_of(ros2_messages.odometry(1_000_000_005, (0, 0, 0)), 7) == 1_000_000_005
    assert stamp_of(ros2_messages.odometry(0, (0, 0, 0)), 7) == 7
