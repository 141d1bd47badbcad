from types import SimpleNamespace

import numpy as np

from vggt_ros.viewer.map_page import MapExtent
from vggt_ros.viewer.start_camera import look_at_map, start_position

CENTER = np.array([5.0, 0, 1])


def extent(*cameras):
    return MapExtent(center=CENTER, radius=2.0, cameras=np.array(cameras, np.float64))


def test_the_map_is_seen_from_the_side_of_its_cameras_and_from_above():
    position = start_position(extent(1.0, 0, 1))
    assert position[0] < 5.0 - 2.0 and abs(position[1]) < 1e-9 and position[2] > 2.0


def test_cameras_in_the_middle_of_the_map_make_no_side():
    position = start_position(extent(*CENTER))
    assert np.isfinite(position).all()
    assert np.linalg.norm(position - CENTER) > 2.0


def test_the_middle_of_the_map_is_looked_at():
    camera = SimpleNamespace()
    look_at_map(camera, extent(1.0, 0, 1))
    assert camera.look_at is CENTER
    look_at_map(camera, extent(1.0, 0, 1), is_above=True)
    side, above = np.abs(camera.position - CENTER)[[0, 2]]
    assert above > 50 * side
