import cv2
import numpy as np
import pytest
import torch

from training import depth_picture
from training.curriculum import Stage
from training.depth_picture import colored, depth_of, main, picture
from training.initial_weights import fill_for_training
from vggt_ros.inference.weights_file import save_network
from vggt_ros.model.vggt import VGGT


@pytest.fixture
def network(small_config):
    network = VGGT(small_config)
    fill_for_training(network)
    return network


def test_near_is_red_and_far_is_blue():
    depth = np.geomspace(1, 10, 400, dtype=np.float32).reshape(20, 20)
    colors = colored(depth).astype(int)
    assert colors[0, 0, 0] > colors[0, 0, 2] + 50
    assert colors[-1, -1, 2] > colors[-1, -1, 0]


def test_a_row_has_the_image_the_truth_and_every_answer(network):
    images = np.random.default_rng(0).uniform(size=(2, 3, 42, 56)).astype(np.float32)
    depth = depth_of(network, images)
    assert depth.shape == (2, 42, 56)
    assert (depth > 0).all()
    drawn = picture([network, network], [images, images], [depth[0], None])
    assert drawn.shape == (2 * 2 * 46, 2 * 4 * 60, 3)
    row, truth = drawn[: 2 * 42], drawn[: 2 * 42, 120 : 120 + 112]
    np.testing.assert_array_equal(truth, row[:, 240 : 240 + 112])
    assert (drawn[92 : 92 + 84, 120 : 120 + 112] == 255).all(), 'unknown'


def test_the_command_draws_images_and_places(network, tmp_path, monkeypatch):
    monkeypatch.setattr(depth_picture, '_WIDTH', 56)
    stage = Stage(until=1.0, image_size=(42, 56), num_frames=(2, 2), frames_per_step=4)
    monkeypatch.setattr(depth_picture, 'CURRICULUM', (stage,))
    save_network(network, tmp_path / 'w.safetensors', dtype=torch.float16)
    cv2.imwrite(str(tmp_path / 'image.png'), np.full((60, 80, 3), 90, np.uint8))
    arguments = [str(tmp_path / 'w.safetensors'), '--output', str(tmp_path / 'out.png')]
    shown = ['--images', str(tmp_path / 'image.png'), '--detailed', '1']
    assert main([*arguments, *shown]) == 0
    assert cv2.imread(str(tmp_path / 'out.png')).shape == (2 * 2 * 46, 2 * 3 * 60, 3)
    assert main(arguments) == 2, 'nothing to draw'
