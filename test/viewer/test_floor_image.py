import numpy as np

from vggt_ros.viewer.floor_image import floor_image


def test_free_occupied_and_unknown_are_told_apart():
    cells = np.full((600, 700), -1, np.int8)
    cells[0, 0], cells[0, 1] = 0, 100
    image = floor_image(cells)
    assert image.shape == (600, 700, 4)
    green, red, nothing = image[0, 0].astype(int), image[0, 1].astype(int), image[0, 2]
    assert green[1] > green[0] and red[0] > red[1] and nothing[3] == 0


def test_cells_of_a_small_grid_are_several_pixels():
    image = floor_image(np.array([[0, 100]], np.int8))
    assert image.shape == (512, 1024, 4)
    assert (image[:, :512] == image[0, 0]).all() and (image[:, 512:] == image[0, 512]).all()


def test_an_empty_grid_is_an_empty_image():
    assert floor_image(np.zeros((0, 0), np.int8)).size == 0
