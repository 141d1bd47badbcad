import threading
import time

import numpy as np
import pytest

from vggt_ros.mapping.registration.pose_priors import PosePriors
from vggt_ros.mapping.registration.up_direction import UpDirection
from vggt_ros.ros.tf.tf_listener import TfListener
from vggt_ros.ros.tf.tf_pose_priors import TfPosePriors
from vggt_ros.settings.world_config import FrameSettings, TfSettings

STAMP_NS = 5_000_000_000
UP = UpDirection(along_axes=np.array([0.0, -1.0, 0.0]), sigma_rad=0.02)


def pose(x):
    found = np.eye(4)
    found[0, 3] = x
    return found


@pytest.fixture
def listener(make_node):
    made = TfListener(make_node('vggt'), 30.0)
    yield made
    made.close()


def robot_of(listener, timeout_s=0.0):
    depth_m = np.ones((3, 4), np.float32)
    frames = FrameSettings(odom='wheel_odom', base='footprint')
    settings = TfSettings(lookup_timeout=timeout_s)
    return TfPosePriors(
        listener,
        frames,
        settings,
        lambda *asked: {(STAMP_NS, 1): depth_m}.get(asked),
        lambda *asked: {(STAMP_NS, 'camera'): UP}.get(asked),
        print,
    )


def test_it_is_what_a_mapper_asks_and_knows_nothing_at_first(listener):
    priors = robot_of(listener)
    assert isinstance(priors, PosePriors)
    assert priors.odom_from_cam(STAMP_NS, 'camera') is None
    assert priors.base_from_cam(STAMP_NS, 'camera') is None
    assert priors.depth_m(STAMP_NS, 1).shape == (3, 4)
    assert priors.depth_m(STAMP_NS, 0) is None
    assert priors.up_in_cam(STAMP_NS, 'camera') is UP
    assert priors.up_in_cam(STAMP_NS, 'other') is None


def test_frames_have_the_names_of_the_settings(make_node, tree, listener):
    priors = robot_of(listener)
    tree.static('footprint', 'camera', pose(0.25))

    def sent():
        tree.moving('wheel_odom', 'footprint', pose(3.0), STAMP_NS)
        return priors.odom_from_cam(STAMP_NS, 'camera') is not None

    assert make_node.spin(sent)
    assert priors.odom_from_cam(STAMP_NS, 'camera')[0, 3] == pytest.approx(3.25)
    assert priors.base_from_cam(STAMP_NS, 'camera')[0, 3] == pytest.approx(0.25)
    assert priors.odom_from_cam(STAMP_NS + 1, 'camera') is None, 'never the newest instead'


def test_all_frames_of_a_window_wait_once_and_not_again_before_there_is_news(
    make_node, tree, listener
):
    priors = robot_of(listener, timeout_s=0.3)
    tree.static('footprint', 'camera', pose(0.25))

    def sent():
        tree.moving('wheel_odom', 'footprint', pose(3.0), STAMP_NS)
        return listener.lookup('wheel_odom', 'camera', STAMP_NS, 0.0) is not None

    assert make_node.spin(sent)

    def window(first_ns):
        priors.begin_window()
        start_s = time.monotonic()
        found = [priors.odom_from_cam(first_ns + k, 'camera') for k in range(20)]
        return found, time.monotonic() - start_s

    found, waited_s = window(STAMP_NS + 1000)
    assert found == [None] * 20
    assert 0.25 < waited_s < 1.0, 'one budget for all of them'
    _, waited_s = window(STAMP_NS + 2000)
    assert waited_s < 0.2, 'nothing newer has come'

    late_ns = STAMP_NS + 3000
    tree.moving('wheel_odom', 'footprint', pose(4.0), late_ns - 1)
    assert make_node.spin(lambda: listener.newest_ns('wheel_odom', 'camera') == late_ns - 1)
    timer = threading.Timer(
        0.1, lambda: tree.moving('wheel_odom', 'footprint', pose(5.0), late_ns + 100)
    )
    timer.start()
    found, _ = window(late_ns)
    timer.join()
    assert all(each is not None for each in found), 'there was news: it is worth waiting again'


def test_a_mount_longer_than_a_robot_is_none(make_node, tree, listener):
    priors = robot_of(listener)
    tree.static('footprint', 'camera', pose(1500.0))
    assert make_node.spin(lambda: listener.knows('footprint', 'camera'))
    assert priors.base_from_cam(STAMP_NS, 'camera') is None
    assert 'longer than 1000 m' in listener.problems()[0]
