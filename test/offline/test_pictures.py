from dataclasses import replace

import cv2
import numpy as np

from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.offline.pictures import draw_pictures, NAMES


def drawn(result, folder):
    assert draw_pictures(result, folder, 'a title') == NAMES
    return {name: cv2.imread(str(folder / name)) for name in NAMES}


def test_all_pictures_show_something(mapped, tmp_path):
    for picture in drawn(mapped, tmp_path).values():
        assert picture.std() > 10
        assert min(picture.shape[:2]) > 400


def test_the_truth_is_drawn_where_there_is_one(mapped, tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'b').mkdir()
    known, unknown = (
        drawn(mapped, tmp_path / 'a'),
        drawn(replace(mapped, truth=None), tmp_path / 'b'),
    )
    for name in ('trajectory.png', 'map_above.png', 'map_side.png'):
        assert (known[name].shape != unknown[name].shape) or (known[name] != unknown[name]).any()
    np.testing.assert_array_equal(known['depth.png'], unknown['depth.png'])


def test_a_map_without_points_can_be_drawn(mapped, tmp_path):
    nothing = MapPoints(
        points_in_map=np.zeros((0, 3), np.float32),
        colors=np.zeros((0, 3), np.uint8),
        confidence=np.zeros(0, np.float32),
        hits=np.zeros(0, np.int64),
    )
    drawn(replace(mapped, points=nothing), tmp_path)
