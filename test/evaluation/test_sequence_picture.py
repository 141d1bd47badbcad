import cv2
import numpy as np
import pytest

from vggt_ros.evaluation.model_evaluation import WindowSample
from vggt_ros.evaluation.sequence_picture import draw_sequence


@pytest.fixture
def truth(rng):
    return rng.normal(size=(30, 3)).cumsum(axis=0)


def sample(rng, index):
    depth = rng.uniform(1, 3, (12, 16)).astype(np.float32)
    image = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return WindowSample(name=f'image {index}', image=image, depth=depth, true_depth=depth)


def draw(path, aligned, truth, matched, samples):
    draw_sequence(aligned, truth, matched, samples, path, title='kitchen')
    return cv2.imread(str(path))


def test_a_trajectory_that_is_off_is_drawn_beside_the_truth(truth, tmp_path):
    off = draw(tmp_path / 'a.png', truth[:20] + 0.3, truth, truth[:20], [])
    without = draw(tmp_path / 'b.png', None, truth, None, [])
    is_red = [(image[..., 2].astype(int) - image[..., 0] > 100).sum() for image in (off, without)]
    assert is_red[0] > 100
    assert is_red[1] == 0


def test_depth_of_some_frames_is_below(rng, truth, tmp_path):
    one = draw(tmp_path / 'a.png', truth, truth, truth, [sample(rng, 0)])
    many = draw(tmp_path / 'b.png', truth, truth, truth, [sample(rng, i) for i in range(40)])
    assert one.shape == many.shape, 'an even choice is drawn, however many there are'
    assert one.shape[0] > draw(tmp_path / 'c.png', truth, truth, truth, []).shape[0]
