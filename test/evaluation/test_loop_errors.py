import numpy as np
import pytest

from vggt_ros.evaluation.loop_errors import loop_errors, TruePath
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.se3 import inverse, rigid
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.submap_graph import ClosedLoop, PlacedSubmap

FRAMES = {0: (0, 1, 2, 3), 7: (40, 41, 42, 43)}
UNIT_M = 2.0
NO_MOVE = Sim3(1.0, np.eye(3), np.zeros(3))


@pytest.fixture
def path():
    """A circle of 2 m radius, once around in 40 frames; the map's unit is 2 m."""
    angle = 2 * np.pi * np.arange(44) / 40 + 0.01
    turns = matrix_from_rotation_vector(np.stack([0 * angle, 0 * angle, angle], axis=1))
    poses = rigid(turns, np.stack([2 * np.cos(angle), 2 * np.sin(angle), 0.01 * angle], axis=1))
    said = poses.copy()
    said[:, :3, 3] /= UNIT_M
    return TruePath(frame_index=np.arange(44), map_from_cam=said, world_from_cam=poses)


def loop_of(old_from_new):
    old, new = (
        PlacedSubmap(id=i, segment=0, map_from_submap=NO_MOVE, covariance=np.zeros((7, 7)))
        for i in FRAMES
    )
    return ClosedLoop(old=old, new=new, old_from_new=old_from_new)


def true_loop(path):
    pose = inverse(path.world_from_cam[0]) @ path.world_from_cam[40]
    return Sim3(1.0, pose[:3, :3], pose[:3, 3] / UNIT_M)


def test_a_loop_that_says_the_truth_in_another_unit_is_right(path):
    (error,) = loop_errors((loop_of(true_loop(path)),), FRAMES, path)
    assert (error.old_frame, error.new_frame) == (0, 40)
    assert error.error_m < 1e-6
    assert error.error_deg < 1e-5
    assert error.distance_m == pytest.approx(0.01 * 2 * np.pi, rel=1e-3)
    assert not error.is_wrong()


def test_a_loop_between_places_that_are_far_apart_is_wrong(path):
    frames = {0: (0, 1, 2, 3), 7: (20, 21, 22, 23)}  # on the other side of the circle
    (error,) = loop_errors((loop_of(NO_MOVE),), frames, path)
    assert error.distance_m == pytest.approx(4.0, abs=0.2)
    assert error.angle_deg == pytest.approx(180, abs=30)
    assert error.error_m == pytest.approx(4.0, abs=0.1)
    assert error.claimed_m == 0.0
    assert error.is_wrong()


def test_a_loop_at_the_right_place_that_looks_the_wrong_way_is_wrong(path):
    said = true_loop(path)
    turned = Sim3(1.0, matrix_from_rotation_vector(np.array([0, 0, 0.6])), said.translation)
    (error,) = loop_errors((loop_of(turned),), FRAMES, path)
    assert error.error_m < 1e-6
    assert error.is_wrong()


def test_the_limit_is_a_choice(path):
    said = true_loop(path)
    moved = Sim3(1.0, said.rotation, said.translation + np.array([0.15, 0, 0]))  # 0.3 m
    (error,) = loop_errors((loop_of(moved),), FRAMES, path)
    assert not error.is_wrong(0.5)
    assert error.is_wrong(0.2)


def test_a_loop_of_frames_without_truth_is_left_out(path):
    path.world_from_cam[40] = np.nan
    assert loop_errors((loop_of(NO_MOVE),), FRAMES, path) == []
