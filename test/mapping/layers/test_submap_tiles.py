import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.submap_tiles import NO_SUBMAP, place_of, submap_tiles
from vggt_ros.mapping.layers.voxel_map import VoxelMap

PLACES = {
    1: Sim3(1.0, np.eye(3), np.array([1.0, 0, 0])),
    2: Sim3(2.0, matrix_from_rotation_vector(np.array([0.3, 0, 0.1])), np.array([0, 5.0, 0])),
}


@pytest.fixture
def voxel_map():
    return VoxelMap(0.1, 10_000)


def see(voxel_map, submap_id, *points, color=200):
    points = np.array(points, np.float32)
    colors = np.full((len(points), 3), color, np.uint8)
    confidence = np.full(len(points), 3, np.float32)
    voxel_map.insert(points, colors, confidence, submap_id)


def in_map(tile, places=PLACES):
    return place_of(tile.submap_id, places).apply(tile.points_in_submap.astype(np.float64))


def test_points_are_in_the_frames_of_their_submaps(voxel_map):
    see(voxel_map, 1, (3, 0, 0), (4, 0, 0))
    see(voxel_map, 2, (0, 7, 1))
    one, two = submap_tiles(voxel_map.voxels(), PLACES)
    np.testing.assert_allclose(np.sort(one.points_in_submap[:, 0]), [2, 3], atol=1e-6)
    np.testing.assert_allclose(in_map(two), [(0, 7, 1)], atol=1e-5)
    assert two.colors.tolist() == [[200, 200, 200]] and two.confidence.tolist() == [3.0]


def test_tiles_do_not_change_when_the_map_is_corrected(voxel_map):
    see(voxel_map, 2, (0, 7, 1), (0, 8, 1))
    before = submap_tiles(voxel_map.voxels(), PLACES)[0]
    move = Sim3(1.3, matrix_from_rotation_vector(np.array([0, 0.2, 0.5])), np.array([4.0, 0, 1]))
    tick = voxel_map.tick
    voxel_map.correct({2: move})
    assert voxel_map.changes.since(tick) == []
    after = submap_tiles(voxel_map.voxels(), {2: move @ PLACES[2]})[0]
    order = [np.lexsort(each.points_in_submap.T) for each in (before, after)]
    np.testing.assert_allclose(
        after.points_in_submap[order[1]], before.points_in_submap[order[0]], atol=1e-5
    )


def test_points_of_forgotten_submaps_stay_in_the_map(voxel_map):
    see(voxel_map, 7, (1, 2, 3))
    (tile,) = submap_tiles(voxel_map.voxels(), PLACES)
    assert tile.submap_id == NO_SUBMAP
    np.testing.assert_allclose(tile.points_in_submap, [(1, 2, 3)])


def test_what_has_no_points_any_more_is_an_empty_tile(voxel_map):
    see(voxel_map, 1, (3, 0, 0))
    tiles = submap_tiles(voxel_map.voxels(), PLACES, only=[1, 2])
    assert [(each.submap_id, len(each.confidence)) for each in tiles] == [(1, 1), (2, 0)]
    assert submap_tiles(VoxelMap(0.1, 10).voxels(), PLACES) == ()


def changed(voxel_map, act):
    tick = voxel_map.tick
    act()
    return voxel_map.changes.since(tick)


def test_whatever_changes_voxels_is_noted_for_their_submaps(voxel_map):
    see(voxel_map, 1, (0, 0, 0), (9, 0, 0))
    assert changed(voxel_map, lambda: see(voxel_map, 2, (0, 0, 0), (5, 0, 0))) == [1, 2]
    assert changed(voxel_map, lambda: see(voxel_map, 2, (0, 5, 0))) == [2]
    assert changed(voxel_map, lambda: voxel_map.reassign({1: 3})) == [3]
    stored = voxel_map.voxels()
    assert changed(voxel_map, lambda: voxel_map.absorb(stored)) == [2, 3]

    def shrink():
        voxel_map.max_points = 1

    assert changed(voxel_map, shrink)
    see(voxel_map, 4, (0, 0, 7))
    voxel_map.clear()
    assert voxel_map.changes.since(0) == []


def test_voxels_that_are_left_behind_or_seen_through_are_noted(voxel_map):
    see(voxel_map, 1, (0, 0, 0), (9, 0, 0))
    see(voxel_map, 2, (8, 0, 0), (0, 1, 0))
    before = voxel_map.tick
    see(voxel_map, 5, (0, 3, 0))
    voxel_map.keep_within(np.zeros(3), 4.0)
    assert voxel_map.changes.since(before) == [1, 2, 5]
    before = voxel_map.tick
    see(voxel_map, 5, (0, 3, 0))
    for _ in range(4):
        columns = [np.array([each]) for each in (0, 10, 10)]
        voxel_map.see_through(voxel_map.in_columns(*columns))
    assert voxel_map.changes.since(before) == [2, 5]
