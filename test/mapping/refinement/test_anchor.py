from dataclasses import replace

import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.refinement.anchor import anchor, apart


def make_frame():
    return Frame(
        id=4,
        stamp_ns=5,
        camera_frame='camera',
        image=np.zeros((48, 64, 3), np.uint8),
        K=np.eye(3),
        is_seen=np.ones((48, 64), bool),
    )


def test_an_anchor_keeps_everything_but_the_pixels():
    pose = se3.rigid(np.eye(3), np.array([1.0, 2, 3]))
    found = anchor(make_frame(), pose)
    assert found.size == (64, 48)
    assert found.frame.image.size == 0
    assert found.frame.is_seen is None
    assert (found.frame.id, found.frame.stamp_ns) == (4, 5)
    np.testing.assert_array_equal(found.frame.K, np.eye(3))
    np.testing.assert_array_equal(found.map_from_cam, pose)


def test_an_anchor_moves_with_the_map():
    pose = se3.rigid(np.eye(3), np.array([1.0, 2, 3]))
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    moved = anchor(make_frame(), pose).moved(Sim3(2.0, turn, np.array([1.0, 0, 0])))
    np.testing.assert_allclose(moved.map_from_cam[:3, 3], [-3.0, 2.0, 6.0])
    np.testing.assert_allclose(moved.map_from_cam[:3, :3], turn)
    assert moved.size == (64, 48)


def at(x, turn_deg=0.0, camera=0):
    pose = se3.rigid(
        matrix_from_rotation_vector(np.radians([0.0, turn_deg, 0.0])), np.array([x, 0.0, 0.0])
    )
    return anchor(replace(make_frame(), camera=camera), pose)


def test_a_robot_that_stands_leaves_one_anchor():
    moving = [at(0.0), at(0.2), at(0.4)]
    standing = [at(0.405), at(0.4), at(0.396)]
    assert apart([*moving, *standing], 0.01) == moving


def test_a_slow_robot_leaves_an_anchor_whenever_it_has_come_far_enough():
    slow = [at(0.004 * k) for k in range(10)]
    assert apart(slow, 0.01) == [slow[0], slow[3], slow[6], slow[9]]


def test_a_camera_that_turns_on_the_spot_leaves_anchors():
    turning = [at(0.0, 10.0 * k) for k in range(4)]
    assert apart(turning, 0.01) == turning


def test_the_cameras_of_a_rig_stand_each_for_itself():
    rig = [at(0.1 * camera, camera=camera) for camera in (0, 1, 0, 1)]
    assert apart(rig, 0.01) == rig[:2]
