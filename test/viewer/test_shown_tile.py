import numpy as np

from vggt_ros.viewer.shown_tile import prepared, rows_of


def test_a_tile_is_drawn_around_its_middle_coarse_points_first(make_tile, at):
    shown = prepared(make_tile(3, count=10_000), at(5, 0, 0))
    np.testing.assert_allclose(shown.center, [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(shown.place.translation, [6, 0, 0], atol=1e-6)
    assert 500 < shown.num_coarse < 2000
    assert shown.is_stale and not shown.parts


def test_rows_of_a_tile_keep_what_belongs_together(make_tile):
    tile = make_tile(3)
    some = rows_of(tile, np.array([5, 2]))
    assert some.confidence.tolist() == tile.confidence[[5, 2]].tolist()
    assert some.submap_id == 3
    np.testing.assert_array_equal(some.points_in_submap, tile.points_in_submap[[5, 2]])
