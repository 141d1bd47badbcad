import numpy as np
import pytest

from vggt_ros.ros.middleware.stamp_gaps import StampGaps

PERIOD_NS = 33_333_333


def gaps_of(stamps_ns):
    gaps = StampGaps()
    for stamp_ns in stamps_ns:
        gaps.add(int(stamp_ns))
    return gaps


def test_nothing_is_missing_from_an_even_stream():
    gaps = gaps_of(np.arange(100) * PERIOD_NS)
    assert gaps.num_missing == 0
    assert gaps.period_ns == PERIOD_NS


def test_jitter_is_no_loss(rng):
    stamps_ns = np.arange(300) * PERIOD_NS + rng.uniform(-0.15, 0.15, 300) * PERIOD_NS
    assert gaps_of(stamps_ns).num_missing == 0


@pytest.mark.parametrize('share', [0.02, 0.1, 0.3, 0.5])
def test_what_is_lost_is_counted(rng, share):
    stamps_ns = (np.arange(1000) * PERIOD_NS)[rng.random(1000) >= share]
    counted = gaps_of(stamps_ns).num_missing
    assert counted == pytest.approx(1000 - len(stamps_ns), abs=25)


def test_a_stream_without_a_period_is_not_judged(rng):
    gaps = gaps_of(np.cumsum(rng.uniform(0.05e9, 0.5e9, 500)))
    assert gaps.period_ns is None
    assert gaps.num_missing < 20


def test_a_pause_of_the_camera_is_no_loss():
    stamps_ns = np.concatenate([np.arange(50), np.arange(50) + 350]) * PERIOD_NS
    assert gaps_of(stamps_ns).num_missing == 0


def test_time_that_jumps_back_is_no_loss_and_the_count_goes_on():
    stamps_ns = [*(np.arange(50) * PERIOD_NS + 10**12), *(np.arange(50) * 2 * PERIOD_NS)]
    gaps = gaps_of(stamps_ns)
    assert gaps.num_missing == 0
    assert gaps.period_ns == 2 * PERIOD_NS


def test_a_camera_that_slows_down_is_believed_after_a_second():
    gaps = gaps_of([*(np.arange(100) * PERIOD_NS), *(100 + 2 * np.arange(100)) * PERIOD_NS])
    assert gaps.num_missing <= 32
    assert gaps.period_ns == 2 * PERIOD_NS
