import numpy as np
import pytest
import torch

from vggt_ros.inference.preprocess import plan_grid
from vggt_ros.inference.token_cache import descriptors, EncodedImage, TokenCache

GRID = plan_grid(128, 96, 56, 14, 'crop')
OTHER_GRID = plan_grid(64, 48, 56, 14, 'crop')


def encoded(value, grid=GRID):
    seen = np.full((42, 56, 3), value, np.uint8)
    return EncodedImage(grid=grid, seen=seen, tokens=torch.full((1, 12, 8), float(value)))


def test_what_was_put_is_found_by_its_id():
    cache = TokenCache(4)
    first, second = encoded(1), encoded(2)
    cache.put(10, first)
    cache.put(11, second)
    assert cache.get(10, GRID) is first
    assert cache.get(11, GRID) is second
    assert cache.get(12, GRID) is None


def test_an_image_of_another_size_is_not_found():
    cache = TokenCache(4)
    cache.put(10, encoded(1))
    assert cache.get(10, OTHER_GRID) is None


def test_the_image_that_was_not_needed_for_longest_goes():
    cache = TokenCache(2)
    cache.put(1, encoded(1))
    cache.put(2, encoded(2))
    assert cache.get(1, GRID) is not None
    cache.put(3, encoded(3))
    assert cache.get(2, GRID) is None
    assert cache.get(1, GRID) is not None
    assert len(cache) == 2


@pytest.mark.parametrize('capacity', [0, 3])
def test_memory_is_bounded_whatever_comes(capacity):
    cache = TokenCache(capacity)
    for frame_id in range(50):
        cache.put(frame_id, encoded(1))
    assert len(cache) == capacity
    assert cache.num_bytes == capacity * 12 * 8 * 4


def test_a_cleared_cache_knows_nothing():
    cache = TokenCache(4)
    cache.put(1, encoded(1))
    cache.clear()
    assert cache.get(1, GRID) is None
    assert cache.num_bytes == 0


def test_a_descriptor_is_the_direction_of_the_mean_token():
    tokens = torch.randn(1, 12, 8, generator=torch.Generator().manual_seed(0))
    seen = np.zeros((42, 56, 3), np.uint8)
    images = [EncodedImage(grid=GRID, seen=seen, tokens=factor * tokens) for factor in (1.0, 3.0)]
    found = descriptors(images)
    assert found.shape == (2, 8)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-5)
    mean = tokens[0].mean(dim=0).numpy()
    np.testing.assert_allclose(found[0], mean / np.linalg.norm(mean), rtol=1e-5)
