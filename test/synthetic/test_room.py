import numpy as np
import torch

from vggt_ros.synthetic.room import furnished_room
from vggt_ros.synthetic.scene import Scene


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
