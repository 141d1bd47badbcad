import dataclasses

import pytest

from vggt_ros.synthetic.place import Place
from vggt_ros.synthetic.room import furnished_room


def test_a_camera_looks_along_the_path_unless_the_place_says_otherwise():
    room = furnished_room(0)
    place = Place(
        scene=room.scene,
        path=room.path,
        half_size_m=room.half_size_m,
        eye_height_m=room.eye_height_m,
    )
    assert place.focus is None


def test_a_place_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        furnished_room(0).eye_height_m = (0.0, 1.0)
