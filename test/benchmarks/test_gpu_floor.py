import pytest
import torch

from benchmarks.gpu.floor import count_flop, Device, measure, weight_bytes


def test_products_and_convolutions_are_counted():
    a, b = torch.zeros(3, 4), torch.zeros(4, 5)
    assert count_flop(lambda: a @ b) == 2 * 3 * 4 * 5
    convolution = torch.nn.Conv2d(2, 3, 3, padding=1, bias=False)
    assert count_flop(lambda: convolution(torch.zeros(1, 2, 8, 6))) == 2 * 2 * 3 * 9 * 8 * 6


def test_the_higher_bound_is_the_floor():
    device = Device(flop_per_s=100.0, byte_per_s=10.0)
    assert device.floor_s(200.0, 5.0) == 2.0
    assert device.floor_s(20.0, 50.0) == 5.0


def test_every_weight_is_read_once():
    layer = torch.nn.Linear(3, 5).to(torch.bfloat16)
    assert weight_bytes(layer) == 2 * (15 + 5)


def test_no_product_is_faster_than_the_best_that_was_measured():
    best = measure(torch.device('cpu'), torch.float32, 256)
    assert best.flop_per_s > 1e8
    assert best.byte_per_s > 1e7
    # A product with a vector moves more than it multiplies.
    assert best.floor_s(2.0 * 256 * 256, 4.0 * 256 * 256) == pytest.approx(
        max(2.0 * 256 * 256 / best.flop_per_s, 4.0 * 256 * 256 / best.byte_per_s)
    )
