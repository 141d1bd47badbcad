import numpy as np
import pytest
import torch

from training.validation import VALIDATION_SEEDS
from training.window_sampler import intrinsics, TRAINING_SEEDS, WindowSampler
from vggt_ros.synthetic.held_out import HELD_OUT_SEEDS

CPU = torch.device('cpu')
SIZE = (42, 56)


@pytest.fixture(scope='module')
def sampler():
    return WindowSampler(np.random.default_rng(3), CPU)


def test_windows_are_as_asked_for(sampler):
    window = sampler.draw(3, 4, SIZE)
    assert window.images.shape == (3, 4, 3, *SIZE)
    assert window.image_size == SIZE
    assert 0 <= window.images.min() < window.images.max() <= 1
    assert torch.isfinite(window.depth).all()
    assert (window.depth > 0).all()


def test_fields_of_view_are_45_to_100_degrees(sampler):
    fov = []
    for _ in range(6):
        K = sampler.draw(8, 1, SIZE).K
        fov.append(torch.rad2deg(2 * torch.atan(0.5 * SIZE[1] / K[:, 0, 0])))
    fov = torch.cat(fov)
    assert fov.min() >= 45
    assert fov.max() <= 100
    assert fov.max() - fov.min() > 30


def test_the_same_seed_draws_the_same_windows():
    first, second = (WindowSampler(np.random.default_rng(8), CPU) for _ in range(2))
    for _ in range(3):
        a, b = first.draw(2, 2, SIZE), second.draw(2, 2, SIZE)
        torch.testing.assert_close(a.images, b.images, rtol=0, atol=0)
        torch.testing.assert_close(a.cam_from_world, b.cam_from_world, rtol=0, atol=0)


def test_a_rendering_is_used_twice_with_other_camera_artefacts():
    sampler = WindowSampler(np.random.default_rng(9), CPU)
    first, second, third = (sampler.draw(2, 1, SIZE) for _ in range(3))
    torch.testing.assert_close(first.depth, second.depth)
    assert (first.images != second.images).any()
    assert not torch.allclose(second.depth, third.depth)


def test_frames_are_shuffled_some_of_the_time():
    sampler = WindowSampler(np.random.default_rng(10), CPU)
    orders = [tuple(sampler._order(5)) for _ in range(200)]
    in_order = orders.count((0, 1, 2, 3, 4)) / 200
    assert 0.35 < in_order < 0.65
    assert orders.count((4, 3, 2, 1, 0)) > 20
    assert len(set(orders)) > 30


def test_seeds_of_measurements_are_never_drawn():
    assert not set(HELD_OUT_SEEDS) & set(TRAINING_SEEDS)
    assert not set(VALIDATION_SEEDS) & set(TRAINING_SEEDS)
    assert 0 not in TRAINING_SEEDS, 'the walk of the demo'


def test_the_principal_point_is_the_middle_of_the_pixel_centres():
    K = intrinsics(1.0, (84, 112))
    assert K[0, 2] == 55.5
    assert K[1, 2] == 41.5
    assert K[0, 0] == K[1, 1]
