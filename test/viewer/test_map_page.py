from dataclasses import replace
import threading
import time

import numpy as np
import pytest

from vggt_ros.viewer.camera_layer import SeenFrame
from vggt_ros.viewer.map_page import MapPage


@pytest.fixture
def page(canvas):
    return MapPage(canvas)


def fill(page, make_tile, at):
    page.put_places({1: at(0, 0, 0), 2: at(4, 0, 0)})
    page.put_tiles([make_tile(1), make_tile(2)])
    page.put_path(np.arange(2), np.tile(np.eye(4), (2, 1, 1)))
    image = np.zeros((24, 32, 3), np.uint8)
    page.put_image(SeenFrame(stamp_ns=1, image=image, fov_rad=1.0))
    segments = np.array([[[0.0, 0, 0], [4, 0, 0]], [[4, 0, 0], [0, 0, 0]]])
    page.put_graph(segments, np.array([False, True]))
    page.put_ellipses(np.zeros((1, 3)), np.eye(3)[None] * 0.01)
    page.put_floor(np.zeros((2, 3), np.int8), np.zeros(3), 0.1)


def test_all_layers_are_drawn(page, canvas, make_tile, at):
    fill(page, make_tile, at)
    drawn = page.draw()
    assert drawn.num_shown == 200
    assert set(canvas.lines) == {'/path', '/graph', '/ellipses'}
    assert set(canvas.frusta) == {'/cameras/1'}
    overlap, loop = canvas.lines['/graph'][1][:, 0].astype(int)
    assert loop[0] > loop[2] and overlap[0] < overlap[2]
    assert page.num_sent_bytes == canvas.num_bytes == 200 * 9


def test_the_floor_is_as_large_as_its_grid(page, canvas, make_tile, at):
    fill(page, make_tile, at)
    page.draw()
    image, _, resolution = canvas.floors['/floor']
    np.testing.assert_allclose(np.array(image.shape[:2]) * resolution, [0.2, 0.3], rtol=1e-6)


def test_a_correction_is_counted_and_sends_nothing(page, canvas, make_tile, at):
    fill(page, make_tile, at)
    page.draw()
    page.put_places({1: at(0, 0, 0), 2: at(4, 0, 0)})
    page.put_places({1: at(0, 0, 0), 2: at(4, 0, 0), 3: at(9, 0, 0)})  # new, not moved
    assert page.num_corrections == 0
    page.put_places({1: at(0, 0, 0), 2: at(4, 1, 0)})
    assert page.draw().num_bytes == 0
    assert page.num_corrections == 1
    assert canvas.points_in_map()[-100:, 1].mean() == pytest.approx(1.0, abs=1e-3)


def test_a_layer_stays_hidden_when_it_is_drawn_anew(page, canvas, make_tile, at):
    fill(page, make_tile, at)
    page.show_layer('floor', is_visible=False)
    page.draw()
    assert canvas.hidden == {'/floor'}
    page.put_floor(np.zeros((2, 3), np.int8), np.zeros(3), 0.1)
    canvas.hidden.clear()
    page.draw()
    assert canvas.hidden == {'/floor'}
    page.show_layer('floor', is_visible=True)
    page.draw()
    assert not canvas.hidden


def test_a_reset_leaves_nothing(page, canvas, make_tile, at):
    fill(page, make_tile, at)
    page.draw()
    page.clear()
    page.draw()
    left = (canvas.clouds, canvas.frusta, canvas.floors)
    assert not any(left)
    assert not any(len(segments) for segments, _ in canvas.lines.values())
    assert page.extent() is None and page.newest_pose() is None and page.sizes() == {}


def test_the_extent_is_where_the_points_are(page, make_tile, at):
    fill(page, make_tile, at)
    extent = page.extent()
    np.testing.assert_allclose(extent.center, [3, 0, 0], atol=0.1)
    assert 1.9 < extent.radius < 2.5
    np.testing.assert_allclose(extent.cameras, np.zeros(3))


def test_choices_reach_tiles_and_cameras(page, canvas, make_tile, at):
    fill(page, make_tile, at)
    page.put_begins({1: 0, 2: 1})
    page.draw()
    page.choose(replace(page.settings, until_ns=0, point_size=2.0))
    page.draw()
    assert canvas.hidden == {'/map/2_coarse'}
    assert not canvas.frusta
    assert page.newest_image() is None
    page.choose(replace(page.settings, until_ns=None))
    page.limit_frusta(0)
    page.draw()
    assert not canvas.frusta


def test_the_thread_draws_and_outlives_an_error(page, canvas, make_tile, at, monkeypatch):
    broken = threading.Event()
    put_cloud = canvas.put_cloud

    def fail_once(*arguments):
        if not broken.is_set():
            broken.set()
            raise OSError('no browser')
        put_cloud(*arguments)

    monkeypatch.setattr(canvas, 'put_cloud', fail_once)
    page.start()
    fill(page, make_tile, at)
    deadline = time.monotonic() + 20
    while len(canvas.clouds) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    page.stop()
    assert broken.is_set() and len(canvas.clouds) == 2
    assert not [each for each in threading.enumerate() if each.name == 'map page']
