import numpy as np

from vggt_ros.viewer.pictures import confidence_picture, depth_picture, MAX_WIDTH, small


def test_near_is_red_far_is_blue_and_unknown_black():
    depth = np.linspace(1, 9, 200, dtype=np.float32).reshape(10, 20)
    depth[5, 5], depth[5, 6] = np.nan, 0.0
    picture = depth_picture(depth).astype(int)
    assert picture[0, 0, 0] > picture[0, 0, 2] + 50
    assert picture[-1, -1, 2] > picture[-1, -1, 0]
    assert picture[5, 5].tolist() == picture[5, 6].tolist() == [0, 0, 0]


def test_confidence_is_brighter_where_it_is_higher():
    picture = confidence_picture(np.array([[1, 1, 50, 0]], np.float32)).astype(int)
    assert picture[0, 2].sum() > picture[0, 0].sum()
    assert picture[0, 3].sum() == 0


def test_a_picture_without_a_known_pixel_is_black():
    assert depth_picture(np.full((2, 3), np.nan, np.float32)).sum() == 0


def test_large_images_become_small_and_small_ones_stay():
    large = np.zeros((480, 640, 3), np.uint8)
    assert small(large).shape == (240, MAX_WIDTH, 3)
    little = np.zeros((24, 32, 3), np.uint8)
    assert small(little) is little
