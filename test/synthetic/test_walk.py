import numpy as np
import pytest

from vggt_ros.synthetic.room import furnished_room
from vggt_ros.synthetic.walk import look, walk_along


@pytest.fixture(params=range(4))
def room_and_walk(request):
    room = furnished_room(request.param)
    rng = np.random.default_rng([request.param, 2])
    return room, walk_along(rng, room.path, 400, 10.0)


def test_a_level_camera_looks_along_its_heading():
    pose = look(np.zeros((1, 3)), np.array([np.pi / 2]), np.array([0.0]))[0]
    np.testing.assert_allclose(pose[:3, 2], [0, 1, 0], atol=1e-12)  # forward
    np.testing.assert_allclose(pose[:3, 0], [1, 0, 0], atol=1e-12)  # right
    np.testing.assert_allclose(pose[:3, 1], [0, 0, -1], atol=1e-12)  # down


def test_the_walk_stays_clear_of_the_walls(room_and_walk):
    room, walk = room_and_walk
    position = walk.world_from_cam[:, :3, 3]
    assert (np.abs(position[:, :2]) < room.half_size_m[:2] - 0.8).all()
    assert (position[:, 2] > 0.5).all()
    assert (position[:, 2] < 2 * room.half_size_m[2] - 0.5).all()


def test_the_walk_keeps_clear_of_the_furniture(room_and_walk):
    room, walk = room_and_walk
    position = walk.world_from_cam[:, :3, 3]
    centers = room.scene.box_center[0, 1:].numpy()
    halves = room.scene.box_half[0, 1:].numpy()
    for center, half in zip(centers, halves, strict=True):
        if half[0] > 0:
            gap = np.linalg.norm(position[:, :2] - center[:2], axis=1) - np.hypot(*half[:2])
            assert gap.min() > 0.1


def test_the_robot_moves_smoothly_stops_and_starts(room_and_walk):
    _, walk = room_and_walk
    velocity = np.diff(walk.world_from_cam[:, :3, 3], axis=0) * 10.0
    speed = np.linalg.norm(velocity, axis=1)
    assert speed.max() < 0.65
    assert speed.min() < 0.1  # it stops
    assert np.abs(np.diff(velocity, axis=0) * 10.0).max() < 2.0


def test_the_view_turns_slowly(room_and_walk):
    _, walk = room_and_walk
    forward = walk.world_from_cam[:, :3, 2]
    turn = np.arccos(np.clip((forward[1:] * forward[:-1]).sum(1), -1, 1))
    assert np.degrees(turn).max() < 8  # a frame
