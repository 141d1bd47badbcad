import numpy as np
import pytest

from vggt_ros.mapping.layers.voxel_cells import (
    CELL,
    cells_of,
    joined,
    keys_of,
    MAX_SUPPORT,
    merged,
)


def cell(x, weight=1.0, hits=1, submap=0, support=1, seen=1):
    one = np.zeros(1, CELL)
    one['xyz'], one['weight'], one['hits'] = x, weight, hits
    one['submap'], one['support'], one['seen'] = submap, support, seen
    return one


def test_keys_are_ordered_by_x_then_y_then_z():
    points = np.array([[1.5, -9, -9], [0.5, 2, -9], [0.5, 1, 3], [0.5, 1, 2]], np.float32)
    keys, is_known = keys_of(points, 1.0)
    assert (np.diff(keys) < 0).all()
    assert is_known.all()


def test_points_without_a_voxel_have_no_key():
    points = np.array([[0, 0, 0], [np.nan, 0, 0], [2e6, 0, 0]], np.float32)
    keys, is_known = keys_of(points, 1.0)
    assert len(keys) == 1
    assert is_known.tolist() == [True, False, False]


def test_cells_are_means_by_confidence():
    points = np.array([[0.2, 0, 0], [0.6, 0, 0], [5, 0, 0]], np.float32)
    keys, cells = cells_of(
        points, np.zeros((3, 3), np.uint8), np.array([1, 3, 1], np.float32), 1.0
    )
    assert len(keys) == 2
    assert cells['xyz'][:, 0] == pytest.approx([0.5, 5.0])
    assert cells['hits'].tolist() == [2, 1]


def test_a_cell_seen_again_keeps_its_submap_and_gains_support_up_to_a_bound():
    both = merged(cell(0.0, submap=3, support=-1, seen=4), cell(1.0, submap=9, seen=5))
    assert (both['submap'][0], both['support'][0], both['seen'][0]) == (3, 1, 5)
    assert both['xyz'][0, 0] == 0.5
    assert merged(cell(0.0, support=MAX_SUPPORT), cell(0.0))['support'][0] == MAX_SUPPORT


def test_cells_that_meet_become_one_with_the_best_of_both():
    cells = np.concatenate(
        [cell(0.0, support=-1, submap=7), cell(4.0, 3.0, 2, 2, 2, 8), cell(9.0)]
    )
    found = joined(cells, np.array([0, 2]))
    assert found['xyz'][:, 0].tolist() == [3.0, 9.0]
    assert (found['hits'][0], found['submap'][0], found['support'][0]) == (3, 2, 2)
    assert found['seen'].tolist() == [8, 1]
