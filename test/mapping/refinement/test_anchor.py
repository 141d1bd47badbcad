import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.frame import Frame
from vggt_ros.mapping.refinement.anchor import anchor


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
