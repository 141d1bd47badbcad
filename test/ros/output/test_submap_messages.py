import numpy as np
import pytest
from sensor_msgs_py import point_cloud2
from visualization_msgs.msg import Marker

from vggt_ros.errors import InputError
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.submap_tiles import SubmapTile, TiledMap
from vggt_ros.ros.middleware.messages import header_of
from vggt_ros.ros.output.submap_messages import (
    graph_marker,
    places_cloud,
    places_of_cloud,
    tiles_cloud,
    tiles_of_cloud,
)

HEADER = header_of(1_700_000_000_000_000_001, 'map')


@pytest.fixture
def tiled(rng):
    turn = matrix_from_rotation_vector(np.array([0.3, -0.2, 0.5]))
    tiles = tuple(
        SubmapTile(
            submap_id=submap_id,
            points_in_submap=rng.normal(size=(count, 3)).astype(np.float32),
            colors=rng.integers(0, 256, (count, 3), dtype=np.uint8),
            confidence=rng.uniform(1, 9, count).astype(np.float32),
        )
        for submap_id, count in ((-1, 3), (4, 5))
    )
    return TiledMap(
        tiles=tiles,
        places={
            4: Sim3(1.25, turn, np.array([1.0, 2, 3])),
            9: Sim3(1.0, np.eye(3), np.array([7.0, 0, 0])),
        },
        segments={4: 0, 9: 2},
        links=((4, 9), (9, 4), (4, 77)),
        loops=frozenset({(4, 9)}),
        tick=3,
    )


def test_tiles_come_back_as_they_went(tiled):
    message = tiles_cloud(HEADER, tiled.tiles)
    assert [field.name for field in message.fields][:4] == ['x', 'y', 'z', 'rgb']
    assert message.width == 8
    for sent, got in zip(tiled.tiles, tiles_of_cloud(message), strict=True):
        assert got.submap_id == sent.submap_id
        np.testing.assert_array_equal(got.points_in_submap, sent.points_in_submap)
        np.testing.assert_array_equal(got.colors, sent.colors)
        np.testing.assert_array_equal(got.confidence, sent.confidence)


def test_places_come_back_with_scale_and_number_of_points(tiled):
    message = places_cloud(HEADER, tiled, {4: 5, -1: 3})
    places, sizes = places_of_cloud(message)
    np.testing.assert_allclose(places[4].translation, [1, 2, 3])
    np.testing.assert_allclose(places[4].rotation, tiled.places[4].rotation, atol=1e-6)
    assert places[4].scale == 1.25
    assert sizes == {4: 5, 9: 0, -1: 3}
    np.testing.assert_array_equal(places[-1].translation, np.zeros(3))


def test_any_reader_of_clouds_can_read_them(tiled):
    fields = point_cloud2.read_points(places_cloud(HEADER, tiled, {}))
    assert fields['submap'].tolist() == [4, 9] and fields['segment'].tolist() == [0, 2]


def test_edges_are_lines_and_loops_are_drawn_last_in_a_warm_color(tiled):
    marker = graph_marker(HEADER, tiled)
    assert marker.type == Marker.LINE_LIST and len(marker.points) == 4
    assert [point.x for point in marker.points] == [7.0, 1.0, 1.0, 7.0]
    overlap, loop = marker.colors[0], marker.colors[2]
    assert loop.r > loop.b and overlap.r < overlap.b


def test_an_empty_map_makes_empty_messages(tiled):
    empty = TiledMap(tiles=(), places={}, segments={}, links=(), loops=frozenset(), tick=0)
    assert places_of_cloud(places_cloud(HEADER, empty, {})) == ({}, {})
    assert list(tiles_of_cloud(tiles_cloud(HEADER, ()))) == []
    assert not graph_marker(HEADER, empty).points


def test_another_cloud_is_refused(tiled):
    with pytest.raises(InputError, match='x y z rgb confidence submap was expected'):
        list(tiles_of_cloud(places_cloud(HEADER, tiled, {})))
