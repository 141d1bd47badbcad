import torch

from vggt_ros.model.constant_cache import ConstantCache


def test_makes_a_constant_once():
    cache, made = ConstantCache(), []
    for _ in range(3):
        cache.get('key', lambda: made.append(1) or torch.ones(1))
    assert len(made) == 1


def test_drops_the_oldest_when_full():
    cache = ConstantCache(2)
    for key in (1, 2, 3):
        cache.get(key, lambda key=key: torch.tensor(key))
    assert len(cache) == 2
    assert cache.get(3, lambda: torch.tensor(-1)) == 3
    assert cache.get(1, lambda: torch.tensor(-1)) == -1


def test_what_inference_cached_can_be_trained_with():
    cache = ConstantCache()
    with torch.inference_mode():
        cache.get('key', lambda: torch.ones(2))
    weight = torch.ones(2, requires_grad=True)
    (weight * cache.get('key', lambda: torch.zeros(2))).sum().backward()
    assert weight.grad.tolist() == [1, 1]
