import pytest

from benchmarks.networks import IMAGE_SIZES
from benchmarks.streaming import Comparer


@pytest.fixture(scope='module')
def comparer():
    return Comparer('nano', size=IMAGE_SIZES['nano'], device='cpu', precision='fp32')


@pytest.mark.parametrize('overlap', [1, 7])
def test_both_ways_give_the_same_numbers(comparer, overlap):
    found = comparer.compare(overlap, rounds=1)
    assert found.largest_difference < 1e-4
    assert found.plain_frames_per_s == pytest.approx((8 - overlap) / found.plain_s, rel=0.01)
    assert found.throughput_ratio == pytest.approx(found.plain_s / found.streaming_s, rel=0.02)
    assert found.streaming_latency_s <= found.streaming_s
