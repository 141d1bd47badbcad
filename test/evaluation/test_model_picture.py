from dataclasses import replace

import cv2
import numpy as np
import pytest

from vggt_ros.evaluation.model_evaluation import WindowSample
from vggt_ros.evaluation.model_picture import draw_model_picture


@pytest.fixture
def sample():
    true_depth = np.linspace(1, 3, 48, dtype=np.float32).reshape(6, 8)
    image = np.zeros((6, 8, 3), np.uint8)
    image[..., 1] = 255
    return WindowSample(name='one', image=image, depth=true_depth, true_depth=true_depth)


def drawn(samples, path):
    draw_model_picture(samples, path, title='a network')
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


def share_of_black(picture):
    return float((picture[-picture.shape[0] // 4 :].max(axis=-1) < 10).mean())


def test_the_input_is_drawn_in_its_own_colors(sample, tmp_path):
    blue, green, red = drawn([sample], tmp_path / 'a.png').reshape(-1, 3).astype(int).T
    assert (green - np.maximum(blue, red) > 200).sum() > 1000


def test_every_sample_adds_a_column(sample, tmp_path):
    one = drawn([sample], tmp_path / 'a.png')
    three = drawn([sample] * 3, tmp_path / 'b.png')
    assert three.shape[1] - one.shape[1] > 300
    assert three.shape[0] == one.shape[0]


def test_depth_that_is_right_has_a_black_error(sample, tmp_path):
    right = drawn([sample], tmp_path / 'a.png')
    wrong = drawn([replace(sample, depth=2 * sample.depth)], tmp_path / 'b.png')
    assert share_of_black(right) > share_of_black(wrong) + 0.2


def test_a_sample_without_true_depth_can_be_drawn(sample, tmp_path):
    blind = replace(sample, true_depth=np.full_like(sample.depth, np.nan))
    assert drawn([blind], tmp_path / 'c.png').std() > 5
