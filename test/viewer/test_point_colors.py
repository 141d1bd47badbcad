import numpy as np

from vggt_ros.viewer.point_colors import ColorRange, painted, submap_color, tile_colors

ENDS = ColorRange(heights=(-0.5, 0.5), confidences=(0.0, np.log(5.0)), ages=(0, 10))


def test_the_image_s_colors_are_left_as_they_are(make_tile, at):
    tile = make_tile(1)
    assert tile_colors(tile, at(0, 0, 0), 'image', ENDS) is tile.colors


def test_heights_are_those_in_the_map_not_in_the_submap(make_tile, at):
    tile = make_tile(1)
    low = tile_colors(tile, at(0, 0, -5), 'height', ENDS)
    assert (low == low[0]).all()
    colors = tile_colors(tile, at(0, 0, 0), 'height', ENDS)
    top, bottom = tile.points_in_submap[:, 2].argmax(), tile.points_in_submap[:, 2].argmin()
    assert colors[top, 0] > colors[top, 2] and colors[bottom, 2] > colors[bottom, 0]


def test_confidence_submap_and_age_are_told_apart(make_tile, at):
    old, new = make_tile(0), make_tile(10)
    bright = tile_colors(old, at(0, 0, 0), 'confidence', ENDS).sum(axis=1)
    assert bright[-1] > bright[0] + 100
    for coloring in ('submap', 'age'):
        a = tile_colors(old, at(0, 0, 0), coloring, ENDS)
        b = tile_colors(new, at(0, 0, 0), coloring, ENDS)
        assert (a == a[0]).all() and (a[0] != b[0]).any()


def test_neighboring_submaps_look_different():
    colors = np.array([submap_color(each) for each in range(8)]).astype(int)
    gaps = np.abs(colors[:, None] - colors[None]).sum(axis=2)
    assert gaps[~np.eye(8, dtype=bool)].min() > 30


def test_what_is_not_known_is_black():
    assert painted(np.array([np.nan, 1.0]), 0.0, 1.0, 'turbo')[0].tolist() == [0, 0, 0]
