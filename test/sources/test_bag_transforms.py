import numpy as np
import pytest

from vggt_ros.sources.bag_transforms import frame_name, pose_matrix, StaticTransforms

# Turned left by 90 degrees about z.
LEFT = (0, 0, 0.5**0.5, 0.5**0.5)


@pytest.fixture
def tree(ros2_messages):
    m = ros2_messages
    return StaticTransforms(
        [
            m.transforms(
                m.transform(0, 'base', 'rig', (1, 0, 0), LEFT),
                m.transform(0, 'rig', 'left', (0, 0, 2)),
            ),
            m.transforms(m.transform(0, '/rig', '/right', (0.5, 0, 2), LEFT)),
            m.transforms(m.transform(0, 'map', 'other', (0, 0, 0))),
        ]
    )


def test_the_root_is_the_highest_frame(tree):
    assert tree.root_of('/left') == 'base'
    assert tree.root_of('nowhere') == 'nowhere'


def test_transforms_that_are_not_rigid_are_counted(ros2_messages, tree):
    m = ros2_messages
    bad = StaticTransforms([m.transforms(m.transform(0, 'a', 'b', (0, 0, 0), (0, 0, 0, 0)))])
    assert (len(bad), bad.num_refused, tree.num_refused) == (0, 1, 0)


def test_frames_are_found_up_and_down_the_tree(tree):
    assert len(tree) == 4
    np.testing.assert_allclose(tree.find('base', 'left')[:3, 3], [1, 0, 2])
    np.testing.assert_allclose(tree.find('base', 'right')[:3, 3], [1, 0.5, 2], atol=1e-12)
    np.testing.assert_allclose(tree.find('left', 'base')[:3, 3], [0, 1, -2], atol=1e-12)


def test_one_camera_is_found_on_the_other(tree):
    left_from_right = tree.find('left', 'right')
    np.testing.assert_allclose(left_from_right[:3, 3], [0.5, 0, 0], atol=1e-12)
    np.testing.assert_allclose(left_from_right[:3, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_array_equal(tree.find('/left', 'left'), np.eye(4))


def test_frames_that_are_not_connected_have_no_transform(tree):
    assert tree.find('base', 'other') is None
    assert tree.find('base', 'nowhere') is None


def test_a_ring_is_no_endless_loop(ros2_messages):
    m = ros2_messages
    ring = StaticTransforms(
        [m.transforms(m.transform(0, 'a', 'b', (1, 0, 0)), m.transform(0, 'b', 'a', (1, 0, 0)))]
    )
    assert ring.find('a', 'c') is None


def test_what_is_not_rigid_is_left_out(ros2_messages):
    m = ros2_messages
    assert pose_matrix(m.vector((0, 0, np.nan)), m.quaternion((0, 0, 0, 1))) is None
    assert pose_matrix(m.vector((0, 0, 0)), m.quaternion((0, 0, 0, 0))) is None
    broken = m.transforms(m.transform(0, 'a', 'b', (0, 0, 0), (0, 0, 0, 0)))
    assert len(StaticTransforms([broken])) == 0


def test_the_slash_of_ros_1_does_not_count():
    assert frame_name('/camera') == frame_name('camera') == 'camera'
