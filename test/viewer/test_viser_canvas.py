from types import SimpleNamespace

import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector, quat_wxyz_from_matrix
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.viewer.canvas import Canvas, Cloud, Frustum
from vggt_ros.viewer.viser_canvas import fly_to, ViserCanvas

pytest.importorskip('viser', reason="viser is not installed: pip install 'vggt_ros[view]'")
TURN = matrix_from_rotation_vector(np.array([0.0, 0.0, np.pi / 2]))


@pytest.fixture
def viser_canvas(server):
    return ViserCanvas(server)


def sent(server):
    """Names of the kinds of messages that a visitor would get now, and bytes of arrays."""
    buffer = server._websock_server._broadcast_buffer
    arrays = []
    kinds = []
    for message in list(buffer.message_from_id.values()):
        found = []
        message.as_serializable_dict(found)
        arrays.append(sum(each.nbytes for each in found))
        kinds.append(type(message).__name__)
    return kinds, sum(arrays)


def cloud(dtype=np.float16):
    points = np.ones((50, 3), dtype)
    place = Sim3(2.0, TURN, np.array([1.0, 2, 3]))
    return Cloud(points=points, colors=np.zeros((50, 3), np.uint8), map_from_cloud=place)


def test_it_is_a_canvas(viser_canvas):
    assert isinstance(viser_canvas, Canvas)


@pytest.mark.parametrize(
    ('dtype', 'precision'), [(np.float16, 'float16'), (np.float32, 'float32')]
)
def test_a_cloud_has_its_place_and_precision(server, viser_canvas, dtype, precision):
    viser_canvas.put_cloud('/map/1', cloud(dtype), 0.05)
    handle = viser_canvas._handles['/map/1']
    assert handle.precision == precision and handle.points.dtype == dtype
    assert handle.scale == 2.0 and handle.point_size == 0.05
    np.testing.assert_allclose(handle.position, [1, 2, 3])
    np.testing.assert_allclose(handle.wxyz, [np.sqrt(0.5), 0, 0, np.sqrt(0.5)], atol=1e-9)


def test_a_cloud_moves_and_gets_colors_and_size_without_its_points(server, viser_canvas):
    viser_canvas.put_cloud('/map/1', cloud(), 0.05)
    _, before = sent(server)
    viser_canvas.move_cloud('/map/1', Sim3(1.5, np.eye(3), np.array([7.0, 8, 9])))
    viser_canvas.size_points('/map/1', 0.1)
    viser_canvas.show('/map/1', is_visible=False)
    assert sent(server)[1] == before
    viser_canvas.color_cloud('/map/1', np.full((50, 3), 9, np.uint8))
    assert 0 <= sent(server)[1] - before <= 150
    handle = viser_canvas._handles['/map/1']
    np.testing.assert_allclose(handle.position, [7, 8, 9])
    assert (handle.scale, handle.visible) == (1.5, False)


def test_lines_cameras_and_floors_are_drawn_and_removed(server, viser_canvas):
    viser_canvas.put_lines('/path', np.zeros((2, 2, 3)), np.zeros((2, 2, 3), np.uint8), 2.0)
    frustum = Frustum(
        map_from_cam=np.eye(4), fov_rad=1.0, image=np.zeros((24, 32, 3), np.uint8), size=0.1
    )
    viser_canvas.put_frustum('/cameras/1', frustum)
    moved = np.eye(4)
    moved[:3, 3] = 4, 5, 6
    viser_canvas.move_frustum('/cameras/1', moved)
    assert viser_canvas._handles['/cameras/1'].aspect == pytest.approx(4 / 3)
    np.testing.assert_allclose(viser_canvas._handles['/cameras/1'].position, [4, 5, 6])
    image = np.zeros((10, 20, 4), np.uint8)
    viser_canvas.put_floor('/floor', image, np.array([1.0, 2.0, 0.5]), 0.1)
    np.testing.assert_allclose(viser_canvas._handles['/floor'].position, [2.0, 2.5, 0.5])
    viser_canvas.put_lines('/path', np.zeros((0, 2, 3)), np.zeros((0, 2, 3), np.uint8), 2.0)
    for name in ('/cameras/1', '/floor', '/nothing'):
        viser_canvas.remove(name)
    viser_canvas.show('/nothing', is_visible=True)
    assert not viser_canvas._handles


def test_quaternions_begin_with_w():
    np.testing.assert_allclose(quat_wxyz_from_matrix(np.eye(3)), [1, 0, 0, 0])


def test_a_flight_ends_at_the_camera_looking_along_it():
    visitor = SimpleNamespace(
        position=np.zeros(3), wxyz=quat_wxyz_from_matrix(np.eye(3)), look_at=np.zeros(3)
    )
    flown = []

    class Atomic:
        def __enter__(self):
            return self

        def __exit__(self, *words):
            flown.append(np.array(visitor.position))

    client = SimpleNamespace(camera=visitor, atomic=Atomic, flush=lambda: None)
    goal = SimpleNamespace(position=np.array([3.0, 0, 0]), wxyz=quat_wxyz_from_matrix(TURN))
    fly_to(client, goal, 2.0)
    np.testing.assert_allclose(visitor.position, [3, 0, 0])
    np.testing.assert_allclose(visitor.look_at, [3, 0, 2], atol=1e-9)
    assert 0 < flown[0][0] < flown[5][0] < 3
    fly_to(None, goal, 2.0)
