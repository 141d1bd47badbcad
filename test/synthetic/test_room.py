import numpy as np
import torch

from vggt_ros.synthetic.room import furnished_room, hang_pictures, place_along_walls
from vggt_ros.synthetic.scene import Scene
from vggt_ros.synthetic.shapes import Shapes


def test_rooms_are_furnished_differently():
    rooms = [furnished_room(seed) for seed in range(6)]
    furniture = [int((room.scene.box_half[0, :, 0] > 0).sum()) for room in rooms]
    assert min(furniture) >= 12  # room, eight pictures and some pieces
    assert len({room.scene.box_center[0, 10:].sum().item() for room in rooms}) == 6


def test_the_same_seed_furnishes_the_same_room():
    first, second = furnished_room(5), furnished_room(5)
    torch.testing.assert_close(first.scene.box_center, second.scene.box_center, rtol=0, atol=0)
    torch.testing.assert_close(first.scene.texture, second.scene.texture, rtol=0, atol=0)
    np.testing.assert_array_equal(first.path, second.path)


def test_rooms_can_be_stacked_into_a_batch():
    batch = Scene.stack([furnished_room(seed).scene for seed in range(3)])
    assert batch.num_scenes == 3
    torch.testing.assert_close(batch.tint[1:2], furnished_room(1).scene.tint)


def test_furniture_stands_inside_the_room():
    for seed in range(6):
        room = furnished_room(seed)
        used = room.scene.box_half[0, :, 0] > 0
        centers = room.scene.box_center[0, used].numpy()
        assert (np.abs(centers[:, :2]) <= room.half_size_m[:2]).all()
        assert (centers[:, 2] > 0).all()


def test_cameras_in_a_room_look_along_the_path_from_the_height_of_a_robot():
    room = furnished_room(0)
    assert room.focus is None
    assert room.eye_height_m == (0.9, 1.5)


def test_pictures_hang_on_the_walls():
    half = np.array([3.0, 2.0, 1.25])
    shapes = Shapes.within(half)
    hang_pictures(np.random.default_rng(0), shapes, half, sides=(0.0,))
    assert len(shapes.boxes) == 1 + 4
    for center, size, _ in shapes.boxes[1:]:
        thin = size == 0.02
        np.testing.assert_allclose((np.abs(center) + size)[thin], half[thin])


def test_furniture_along_walls_stops_at_the_number_of_boxes():
    half = np.array([3.0, 2.5, 1.25])
    angle = np.linspace(0, 2 * np.pi, 20_000)
    path = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    shapes = Shapes.within(half)
    place_along_walls(np.random.default_rng(0), shapes, half, path, num_boxes=5)
    assert len(shapes.boxes) in (5, 6)
