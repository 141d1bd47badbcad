import os
from pathlib import Path

import numpy as np
import pytest
import torch

from training.validation_sets import real_batch, VALIDATION_SEEDS, validation_sets
from vggt_ros.evaluation.truth_window import TruthWindow
from vggt_ros.synthetic.held_out import HELD_OUT_SEEDS

SIZE = (42, 56)
REAL = Path(os.environ.get('VGGT_ROS_REAL_DATA', 'no folder'))


@pytest.fixture(scope='module')
def sets(photo_cache):
    return validation_sets(SIZE, photos=photo_cache, num_windows=4)


def test_the_windows_are_always_the_same(sets, photo_cache):
    again = validation_sets(SIZE, photos=photo_cache, num_windows=4)
    assert list(again) == ['procedural', 'photos', 'detailed']
    for name, windows in sets.items():
        for a, b in zip(windows, again[name], strict=True):
            torch.testing.assert_close(a.images, b.images, rtol=0, atol=0)


def test_photographs_change_the_look_and_nothing_else(sets):
    plain, photos = sets['procedural'][0], sets['photos'][0]
    torch.testing.assert_close(plain.depth, photos.depth)
    torch.testing.assert_close(plain.cam_from_world, photos.cam_from_world)
    assert (plain.images - photos.images).abs().mean() > 0.05


def test_without_photographs_there_are_procedural_windows_only(tmp_path):
    assert list(validation_sets(SIZE, photos=tmp_path, num_windows=1)) == ['procedural']


def test_seeds_are_neither_trained_on_nor_held_out():
    assert not set(VALIDATION_SEEDS) & set(HELD_OUT_SEEDS)


def test_real_images_are_brought_to_the_networks_pixels():
    depth = np.full((2, 60, 80), 2.0, np.float32)
    depth[:, :30] = np.nan
    window = TruthWindow(
        name='w',
        images=np.full((2, 60, 80, 3), 51, np.uint8),
        depth=depth,
        cam_from_world=np.tile(np.eye(4), (2, 1, 1)),
        K=np.array([[40.0, 0, 39.5], [0, 40, 29.5], [0, 0, 1]]),
    )
    batch = real_batch(window, 56)
    assert batch.images.shape == (1, 2, 3, 42, 56)
    assert batch.images.max() == pytest.approx(0.2)
    assert (batch.depth[0, 0, :20] == 0).all()
    assert (batch.depth[0, 0, 22:] == 2).all()
    assert batch.K[0, 0, 0] == pytest.approx(28)


@pytest.mark.skipif(not REAL.is_dir(), reason='VGGT_ROS_REAL_DATA names no folder')
def test_real_folders_become_sets(photo_cache):
    sets = validation_sets(SIZE, photos=photo_cache, real=REAL, num_windows=1)
    assert {folder.name for folder in REAL.iterdir()} <= set(sets)
