import numpy as np
import pytest
import torch

from training.window_sampler import WindowSampler

CPU = torch.device('cpu')
SIZE = (42, 56)


@pytest.fixture(scope='module')
def make(pictures):
    return lambda seed: WindowSampler(np.random.default_rng(seed), CPU, pictures)


def test_windows_are_as_asked_for(make):
    window = make(3).draw(3, 4, SIZE)
    assert window.images.shape == (3, 4, 3, *SIZE)
    assert window.image_size == SIZE
    assert 0 <= window.images.min() < window.images.max() <= 1
    assert torch.isfinite(window.depth).all()
    assert (window.depth > 0).all()


def test_the_same_seed_draws_the_same_windows(make):
    first, second = make(8), make(8)
    for _ in range(4):
        a, b = first.draw(2, 2, SIZE), second.draw(2, 2, SIZE)
        torch.testing.assert_close(a.images, b.images, rtol=0, atol=0)
        torch.testing.assert_close(a.cam_from_world, b.cam_from_world, rtol=0, atol=0)


def test_a_rendering_is_used_three_times_with_other_camera_artifacts(make):
    sampler = make(9)
    first, second, third, fourth = (sampler.draw(2, 1, SIZE) for _ in range(4))
    torch.testing.assert_close(first.depth, second.depth)
    torch.testing.assert_close(first.depth, third.depth)
    assert (first.images != second.images).any()
    assert not torch.allclose(third.depth, fourth.depth)


def test_another_size_is_rendered_anew(make):
    sampler = make(9)
    sampler.draw(2, 1, SIZE)
    assert sampler.draw(2, 1, (56, 56)).image_size == (56, 56)


def test_places_are_simple_and_detailed(make, monkeypatch):
    sampler = make(1)
    drawn = []
    for name in ('_simple', '_detailed'):
        pool = getattr(sampler, name)
        render = pool.render
        monkeypatch.setattr(
            pool, 'render', lambda *a, n=name, r=render: (drawn.append(n), r(*a))[1]
        )
    for _ in range(120):
        sampler.draw(1, 1, (14, 14))
    assert drawn.count('_simple') >= 4
    assert drawn.count('_detailed') >= 4


def test_frames_are_shuffled_some_of_the_time(make):
    sampler = make(10)
    orders = [tuple(sampler._order(5)) for _ in range(200)]
    in_order = orders.count((0, 1, 2, 3, 4)) / 200
    assert 0.35 < in_order < 0.65
    assert orders.count((4, 3, 2, 1, 0)) > 20
    assert len(set(orders)) > 30
