import dataclasses

import torch

from vggt_ros.synthetic.room import furnished_room
from vggt_ros.synthetic.scene import Scene


def test_stacking_keeps_the_scenes_in_order():
    scenes = [furnished_room(seed).scene for seed in (3, 4)]
    batch = Scene.stack(scenes)
    for index, scene in enumerate(scenes):
        for item in dataclasses.fields(Scene):
            torch.testing.assert_close(
                getattr(batch, item.name)[index], getattr(scene, item.name)[0]
            )


def test_moving_to_a_device_moves_every_tensor():
    moved = furnished_room(0).scene.to('meta')
    assert all(getattr(moved, f.name).device.type == 'meta' for f in dataclasses.fields(Scene))
