import numpy as np
import pytest

from vggt_ros.synthetic.box_world import BoxWorld
from vggt_ros.synthetic.walk import look

K = np.array([[20.0, 0, 9.5], [0, 20.0, 7.5], [0, 0, 1]])
HALL = np.array([[-4.0, -3.0, 0.0], [6.0, 3.0, 3.0]])


def pose_at(x, y, z, yaw=0.0, pitch=0.0):
    return look(np.array([[x, y, z]]), np.array([yaw]), np.array([pitch]))[0]


def world(*boxes):
    return BoxWorld(hall=HALL, boxes=np.array(boxes, float).reshape(-1, 2, 3))


def test_an_empty_hall_ends_at_its_walls():
    depth = world().depth(pose_at(0.0, 0.0, 1.5), K, 20, 16)
    assert depth[8, 10] == pytest.approx(6.0, rel=0.02)
    # Of the lowest row the floor comes first: 1.5 m below, 7.5 / 20 per meter down.
    assert depth[15, 10] == pytest.approx(1.5 * 20 / 7.5, rel=1e-5)


def test_looking_exactly_along_an_axis_is_no_division_by_zero():
    depth = world([[2, -1, 0], [3, 1, 3]]).depth(pose_at(0.0, -1.0, 1.5), K, 21, 17)
    assert np.isfinite(depth).all()
    assert (depth > 0).all()


def test_the_front_of_a_box_hides_what_is_behind_it():
    box = [[2.0, -0.5, 0.0], [2.5, 0.5, 3.0]]
    depth = world(box).depth(pose_at(0.0, 0.0, 1.5), K, 20, 16)
    assert depth[8, 10] == pytest.approx(2.0, rel=1e-5)
    assert depth[8, 0] > 2.5


def test_boxes_behind_beside_and_beyond_the_wall_are_not_seen():
    far = [
        [[-3.0, -0.5, 0.0], [-2.0, 0.5, 3.0]],
        [[0.2, 2.0, 0.0], [0.4, 2.5, 3.0]],
        [[7.0, -0.5, 0.0], [8.0, 0.5, 3.0]],
    ]
    pose = pose_at(0.0, 0.0, 1.5)
    np.testing.assert_array_equal(
        world(*far).depth(pose, K, 20, 16), world().depth(pose, K, 20, 16)
    )


def test_every_box_that_is_in_sight_is_seen(rng):
    """Leaving out what is not in view must not leave out what is."""
    low = rng.uniform([-3.5, -2.8, 0.0], [5.5, 2.5, 1.0], (60, 3))
    boxes = np.stack([low, low + rng.uniform(0.1, 0.6, (60, 3))], axis=1)
    many = BoxWorld(hall=HALL, boxes=boxes)
    for yaw in np.linspace(0, 6, 9):
        pose = pose_at(0.0, 0.0, 2.5, yaw, -0.2)
        expected = np.min([world(box).depth(pose, K, 20, 16) for box in boxes], axis=0)
        np.testing.assert_array_equal(many.depth(pose, K, 20, 16), expected)


def test_depth_is_along_the_optical_axis_of_a_turned_camera():
    depth = world().depth(pose_at(0.0, 0.0, 1.5, yaw=np.pi / 2), K, 21, 17)
    row = depth[8]
    np.testing.assert_allclose(row, row[10], rtol=1e-5)
    assert row[10] == pytest.approx(3.0, rel=1e-5)
