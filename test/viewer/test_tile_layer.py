from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.submap_tiles import NO_SUBMAP
from vggt_ros.viewer.tile_layer import TileLayer
from vggt_ros.viewer.view_settings import ViewSettings

NO_EYES = np.zeros((0, 3))
ALL = 10**9


@pytest.fixture
def layer():
    return TileLayer()


def draw(layer, canvas, eyes=NO_EYES, max_bytes=ALL):
    canvas.take_calls()
    return layer.draw(canvas, eyes, max_bytes)


def test_points_lie_where_their_submap_is(layer, canvas, make_tile, at):
    tile = make_tile(1)
    layer.put([tile])
    layer.place({1: at(10, 20, 30)})
    drawn = draw(layer, canvas)
    assert drawn.is_complete and drawn.num_shown == 100
    expected = tile.points_in_submap + np.array([10, 20, 30])
    np.testing.assert_allclose(canvas.points_in_map(), expected, atol=1e-3)


def test_a_correction_moves_clouds_and_sends_no_point(layer, canvas, make_tile, at):
    tiles = [make_tile(each, count=10_000) for each in range(5)]
    layer.put(tiles)
    layer.place({each: at(each, 0, 0) for each in range(5)})
    before = draw(layer, canvas)
    assert before.num_bytes == 5 * 10_000 * 9
    turn = matrix_from_rotation_vector(np.array([0.1, 0.2, 0.3]))
    place = Sim3(1.05, turn, np.array([3.0, -1.0, 0.5]))
    layer.place({each: at(each, 0, 0) for each in range(4)} | {4: place})
    after = draw(layer, canvas)
    assert after.num_bytes == 0
    assert {call for call, _ in canvas.calls} == {'move_cloud'}
    assert {name for _, name in canvas.calls} == {'/map/4_coarse', '/map/4_fine'}
    shown = canvas.points_in_map()[-10_000:]
    expected = place.apply(tiles[4].points_in_submap.astype(np.float64))
    np.testing.assert_allclose(shown.mean(axis=0), expected.mean(axis=0), atol=1e-3)


def test_only_tiles_that_changed_are_sent_again(layer, canvas, make_tile, at):
    layer.put([make_tile(1), make_tile(2)])
    layer.place({1: at(0, 0, 0), 2: at(0, 0, 0)})
    draw(layer, canvas)
    layer.put([make_tile(2, count=120)])
    assert draw(layer, canvas).num_bytes == 120 * 9
    assert canvas.calls == [('put_cloud', '/map/2_coarse')]
    assert draw(layer, canvas).num_bytes == 0 and not canvas.calls


def test_what_has_gone_is_removed(layer, canvas, make_tile, at):
    layer.put([make_tile(1), make_tile(2), make_tile(NO_SUBMAP)])
    layer.place({1: at(0, 0, 0), 2: at(0, 0, 0)})
    draw(layer, canvas)
    layer.put([make_tile(1, count=0)])
    layer.place({})
    draw(layer, canvas)
    assert set(canvas.clouds) == {'/map/-1_coarse'}  # what no submap has stays


def test_a_tile_waits_for_its_place(layer, canvas, make_tile, at):
    layer.put([make_tile(7)])
    layer.place({1: at(0, 0, 0)})
    assert draw(layer, canvas).num_shown == 0
    layer.place({7: at(0, 0, 0)})
    assert draw(layer, canvas).num_shown == 100


@pytest.mark.parametrize(('side', 'kind'), [(2.0, np.float16), (40.0, np.float32)])
def test_points_are_off_by_less_than_a_centimeter(layer, canvas, make_tile, at, side, kind):
    tile = make_tile(1, side=side)
    layer.put([tile])
    layer.place({1: at(300, 0, 0)})
    draw(layer, canvas)
    assert canvas.clouds['/map/1_coarse'][0].points.dtype == kind
    errors = canvas.points_in_map() - tile.points_in_submap - np.array([300, 0, 0])
    assert np.abs(errors).max() < 0.005


def test_far_tiles_are_coarse_when_there_are_too_many_points(layer, canvas, make_tile, at):
    layer.put([make_tile(each, count=10_000) for each in range(4)])
    layer.place({each: at(10 * each, 0, 0) for each in range(4)})
    layer.choose(ViewSettings(max_points=25_000))
    drawn = draw(layer, canvas, eyes=np.array([[0.0, 0, 0]]))
    assert drawn.num_shown <= 25_000
    fine = {name for name in canvas.clouds if name.endswith('fine') and name not in canvas.hidden}
    assert fine == {'/map/0_fine', '/map/1_fine'}
    draw(layer, canvas, eyes=np.array([[30.0, 0, 0]]))
    fine = {name for name in canvas.clouds if name.endswith('fine') and name not in canvas.hidden}
    assert fine == {'/map/2_fine', '/map/3_fine'}
    back = draw(layer, canvas, eyes=np.array([[0.0, 0, 0]]))
    assert back.num_bytes == 0  # they were only hidden


def test_what_is_held_for_later_is_bounded(layer, canvas, make_tile, at):
    layer.put([make_tile(each, count=10_000) for each in range(8)])
    layer.place({each: at(10 * each, 0, 0) for each in range(8)})
    layer.choose(ViewSettings(max_points=20_000))
    for x in range(0, 80, 10):
        draw(layer, canvas, eyes=np.array([[float(x), 0, 0]]))
        held = sum(len(cloud.points) for cloud, *_ in canvas.clouds.values())
        assert held <= 40_000


def test_a_large_map_comes_in_parts(layer, canvas, make_tile, at):
    layer.put([make_tile(each, count=3_000) for each in range(6)])
    layer.place({each: at(each, 0, 0) for each in range(6)})
    sent = []
    while not (drawn := draw(layer, canvas, max_bytes=50_000)).is_complete:
        sent.append(drawn.num_bytes)
        assert drawn.num_bytes <= 50_000 + 27_000
    assert len(sent) >= 2
    assert drawn.num_shown == 18_000


def test_another_coloring_sends_colors_alone(layer, canvas, make_tile, at):
    layer.put([make_tile(1), make_tile(2)])
    layer.place({1: at(0, 0, 0), 2: at(0, 0, 0)})
    draw(layer, canvas)
    layer.choose(ViewSettings(coloring='submap'))
    assert draw(layer, canvas).num_bytes == 2 * 300
    assert {call for call, _ in canvas.calls} == {'color_cloud'}


def test_colors_by_height_follow_a_correction(layer, canvas, make_tile, at):
    layer.put([make_tile(1), make_tile(2)])
    layer.place({1: at(0, 0, 0), 2: at(0, 0, 0)})
    layer.choose(ViewSettings(coloring='height'))
    draw(layer, canvas)
    before = canvas.clouds['/map/2_coarse'][1]
    layer.place({1: at(0, 0, 0), 2: at(0, 0, 0.4)})
    assert draw(layer, canvas).num_bytes == 300
    assert (canvas.clouds['/map/2_coarse'][1] != before).any()


def test_ceilings_and_points_of_little_confidence_are_left_out(layer, canvas, make_tile, at):
    layer.put([make_tile(1)])
    layer.place({1: at(0, 0, 1)})
    layer.choose(ViewSettings(max_height=1.0))
    draw(layer, canvas)
    assert canvas.points_in_map()[:, 2].max() <= 1.0
    assert len(canvas.points_in_map()) == 50
    layer.choose(ViewSettings(min_confidence_percent=80.0))
    draw(layer, canvas)
    assert len(canvas.points_in_map()) == 20
    layer.choose(ViewSettings(max_height=-10.0))
    assert draw(layer, canvas).num_shown == 0
    layer.choose(ViewSettings())
    assert draw(layer, canvas).num_shown == 100


def test_what_came_later_is_hidden_and_comes_back_without_being_sent(layer, canvas, make_tile, at):
    layer.put([make_tile(1), make_tile(2)])
    layer.place({1: at(0, 0, 0), 2: at(0, 0, 0)})
    layer.begin_at({1: 100, 2: 200})
    draw(layer, canvas)
    layer.choose(replace(layer.settings, until_ns=150))
    assert draw(layer, canvas).num_shown == 100
    assert canvas.hidden == {'/map/2_coarse'}
    layer.choose(replace(layer.settings, until_ns=None))
    drawn = draw(layer, canvas)
    assert (drawn.num_shown, drawn.num_bytes) == (200, 0)


def test_points_get_another_size_without_being_sent(layer, canvas, make_tile, at):
    layer.put([make_tile(1)])
    layer.place({1: at(0, 0, 0)})
    draw(layer, canvas)
    before = canvas.clouds['/map/1_coarse'][3]
    layer.choose(ViewSettings(point_size=2.0))
    layer.resize(canvas)
    assert canvas.clouds['/map/1_coarse'][3] == pytest.approx(2 * before)
    assert draw(layer, canvas).num_bytes == 0
