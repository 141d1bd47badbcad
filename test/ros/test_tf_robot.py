import numpy as np
import pytest

from vggt_ros.mapping.robot import Robot
from vggt_ros.ros.tf_listener import TfListener
from vggt_ros.ros.tf_robot import TfRobot
from vggt_ros.world_config import FrameSettings, TfSettings

STAMP_NS = 5_000_000_000


def pose(x):
    found = np.eye(4)
    found[0, 3] = x
    return found


@pytest.fixture
def listener(make_node):
    made = TfListener(make_node('vggt'), 30.0)
    yield made
    made.close()


def robot_of(listener):
    depth_m = np.ones((3, 4), np.float32)
    frames = FrameSettings(odom='wheel_odom', base='footprint')
    settings = TfSettings(lookup_timeout=0.0)
    return TfRobot(
        listener, frames, settings, lambda *asked: {(STAMP_NS, 1): depth_m}.get(asked), print
    )


def test_it_is_what_a_mapper_asks_and_knows_nothing_at_first(listener):
    robot = robot_of(listener)
    assert isinstance(robot, Robot)
    assert robot.odom_from_cam(STAMP_NS, 'camera') is None
    assert robot.base_from_cam(STAMP_NS, 'camera') is None
    assert robot.depth_m(STAMP_NS, 1).shape == (3, 4)
    assert robot.depth_m(STAMP_NS, 0) is None


def test_frames_have_the_names_of_the_settings(make_node, tree, listener):
    robot = robot_of(listener)
    tree.static('footprint', 'camera', pose(0.25))

    def sent():
        tree.moving('wheel_odom', 'footprint', pose(3.0), STAMP_NS)
        return robot.odom_from_cam(STAMP_NS, 'camera') is not None

    assert make_node.spin(sent)
    assert robot.odom_from_cam(STAMP_NS, 'camera')[0, 3] == pytest.approx(3.25)
    assert robot.base_from_cam(STAMP_NS, 'camera')[0, 3] == pytest.approx(0.25)
    assert robot.odom_from_cam(STAMP_NS + 1, 'camera') is None, 'never the newest instead'
