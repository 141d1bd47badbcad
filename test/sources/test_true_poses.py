import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_vector_from_matrix
from vggt_ros.geometry.se3 import rigid
from vggt_ros.sources.true_poses import TruePoses

START_NS = 1_700_000_000_000_000_001


@pytest.fixture
def turning():
    """Half a radian about z and one meter along x in 100 ms; then nothing for a second."""
    turns = matrix_from_rotation_vector(np.array([[0.0, 0, 0], [0, 0, 0.5], [0, 0, 2.0]]))
    places = np.array([[0.0, 0, 0], [1, 0, 0], [9, 0, 0]])
    stamps_ns = START_NS + np.array([0, 100_000_000, 1_100_000_000])
    return TruePoses(stamps_ns=stamps_ns, world_from_body=rigid(turns, places))


def test_between_two_poses_both_position_and_orientation_are_interpolated(turning):
    pose = turning.at(START_NS + 25_000_000)
    np.testing.assert_allclose(pose[:3, 3], [0.25, 0, 0], atol=1e-12)
    vector = rotation_vector_from_matrix(pose[:3, :3])
    np.testing.assert_allclose(vector, [0, 0, 0.125], atol=1e-12)


def test_the_stamp_of_a_pose_has_exactly_that_pose(turning):
    np.testing.assert_array_equal(turning.at(START_NS), turning.world_from_body[0])


def test_in_a_gap_nobody_knows_but_near_its_ends(turning):
    assert turning.at(START_NS + 600_000_000) is None
    near = turning.at(START_NS + 110_000_000)
    np.testing.assert_array_equal(near, turning.world_from_body[1])


def test_before_and_after_all_poses_nobody_knows(turning):
    assert turning.at(START_NS - 30_000_000) is None
    assert turning.at(START_NS + 1_130_000_000) is None
    np.testing.assert_array_equal(turning.at(START_NS - 5), turning.world_from_body[0])
