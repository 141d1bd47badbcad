import threading
import time

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.ros.tf.tf_listener import TfListener
from vggt_ros.ros.tf.tf_rig import TfRig

STAMP_NS = 5_000_000_000


def pose(y):
    return se3.rigid(np.eye(3), np.array([0.1, y, 0.5]))


@pytest.fixture
def listener(make_node):
    made = TfListener(make_node('vggt'), 30.0)
    yield made
    made.close()


def test_the_place_of_a_camera_is_that_in_the_tree(make_node, tree, listener):
    tree.static('base_link', 'left', pose(0.1))
    tree.static('base_link', 'right', pose(-0.2))
    assert make_node.spin(lambda: listener.knows('left', 'right'))
    found = TfRig(listener, pytest.fail).cam_from_cam('left', 'right', STAMP_NS)
    np.testing.assert_allclose(found[:3, 3], [0.0, -0.3, 0.0], atol=1e-6)


def test_what_was_found_is_kept_when_time_begins_again(make_node, tree, listener):
    tree.moving('base_link', 'left', pose(0.1), STAMP_NS)
    tree.moving('base_link', 'right', pose(-0.2), STAMP_NS)
    assert make_node.spin(lambda: listener.knows('left', 'right'))
    rig = TfRig(listener, pytest.fail)
    found = rig.cam_from_cam('left', 'right', STAMP_NS)
    listener.forget()
    assert not listener.knows('left', 'right')
    np.testing.assert_array_equal(rig.cam_from_cam('left', 'right', 1), found)


def test_a_camera_that_comes_late_is_waited_for(make_node, tree, listener):
    tree.static('base_link', 'left', pose(0.1))
    timer = threading.Timer(0.5, lambda: tree.static('base_link', 'right', pose(-0.2)))
    timer.start()
    assert TfRig(listener, pytest.fail).cam_from_cam('left', 'right', STAMP_NS) is not None
    timer.join()


def test_a_camera_that_never_comes_is_named_once_and_waited_for_once(listener):
    warnings = []
    rig = TfRig(listener, warnings.append, patience_s=0.3)
    start_s = time.monotonic()
    assert rig.cam_from_cam('left', 'right', STAMP_NS) is None
    assert 0.25 < time.monotonic() - start_s < 2.0
    start_s = time.monotonic()
    for _ in range(10):
        assert rig.cam_from_cam('left', 'right', STAMP_NS) is None
    assert time.monotonic() - start_s < 0.2
    assert len(warnings) == 1
    assert 'left and right' in warnings[0]


def test_a_camera_is_where_it_is(listener):
    found = TfRig(listener, pytest.fail).cam_from_cam('left', 'left', STAMP_NS)
    np.testing.assert_array_equal(found, np.eye(4))
