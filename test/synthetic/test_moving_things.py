import numpy as np
import pytest

from vggt_ros.synthetic.box_world import BoxWorld
from vggt_ros.synthetic.moving_things import MovingThings, STATIC
from vggt_ros.synthetic.walk import look

K = np.array([[20.0, 0, 15.5], [0, 20.0, 11.5], [0, 0, 1.0]])
GONE = np.full((2, 3), np.nan)


@pytest.fixture
def world():
    pillar = np.array([[3.0, 0.4, 0.0], [3.4, 0.8, 2.0]])
    return BoxWorld(hall=np.array([[0.0, -3, 0], [8, 3, 2.5]]), boxes=pillar[None])


@pytest.fixture
def moving():
    """A thing of two boxes that comes nearer and rests, and one that is gone in the end."""
    body, head = np.array([[5.0, -1, 0], [5.5, 0, 1]]), np.array([[5.0, -1, 1], [5.5, 0, 1.5]])
    other = np.array([[6.0, 0.5, 0], [6.5, 1.5, 2]])
    nearer = np.array([2.0, 0, 0])
    boxes = [
        [body, head, other],
        [body - nearer, head - nearer, other],
        [body - nearer, GONE, GONE],
    ]
    return MovingThings(names=('a', 'b'), boxes=np.array(boxes), thing=np.array([0, 0, 1]))


def pose():
    return look(np.array([[1.0, 0.0, 1.0]]), np.zeros(1), np.zeros(1))[0]


def test_the_place_has_what_is_there_at_the_moment_and_it_keeps_its_look(world, moving):
    first, last = moving.added_to(world, 0), moving.added_to(world, 2)
    np.testing.assert_array_equal(first.boxes[1:], moving.boxes[0])
    np.testing.assert_array_equal(last.boxes[1:], moving.boxes[2, :1])
    assert first.styles.tolist() == [0, 1, 2, 3]
    assert last.styles.tolist() == [0, 1]


def test_every_pixel_says_which_box_is_in_front(world, moving):
    shown = moving.seen(world, 0, pose(), K, 32, 24)
    with_all = moving.added_to(world, 0).depth(pose(), K, 32, 24)
    static = world.depth(pose(), K, 32, 24)
    np.testing.assert_array_equal(shown != STATIC, with_all < static)
    assert set(np.unique(shown)) == {STATIC, 0, 1, 2}
    assert (with_all[shown == 2] == 5.0).all()


def test_points_go_where_their_box_goes(moving):
    points = np.zeros((3, 3))
    box = np.array([0, STATIC, 2], np.int16)
    np.testing.assert_array_equal(moving.carried(points, box, 0, 1)[:2], [[-2, 0, 0], [0, 0, 0]])
    assert np.isnan(moving.carried(points, box, 0, 2)[2]).all()


def test_what_rests_where_it_was_seen_stays_and_nothing_else_does(moving):
    points = np.array([[3.0, -0.5, 0.5], [5.0, -0.5, 0.5], [3.0, -0.5, 0.5], [3.0, -0.5, 0.5]])
    box = np.array([1, 0, 2, STATIC], np.int16)
    assert moving.stays(points, box).tolist() == [True, False, False, False]
