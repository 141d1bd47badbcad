from hypothesis import given, strategies
import pytest

from vggt_ros.ros.middleware.queue_depth import FIRST_DEPTH, queue_depth


@pytest.mark.parametrize(
    ('rate_hz', 'num_bytes', 'expected'),
    [
        (30.0, 640 * 480 * 3, 30),
        (29.7, 640 * 480 * 3, 30),
        (10.0, 1280 * 720 * 3, 30),
        (30.0, 1920 * 1080 * 4, 30),
        (30.0, 3840 * 2160 * 3, 10),  # 250 MB
        (0.5, 100, 30),
        (44.0, 640 * 480 * 3, 50),
        (1000.0, 100, 100),
        (30.0, 0, 30),
    ],
)
def test_a_queue_holds_a_second_of_messages_within_the_bound(rate_hz, num_bytes, expected):
    assert queue_depth(rate_hz, num_bytes, FIRST_DEPTH) == expected


@given(strategies.floats(0, 1e4), strategies.integers(0, 10**9), strategies.integers(2, 100))
def test_a_queue_holds_at_most_250_mb_or_two_messages(rate_hz, num_bytes, current):
    depth = queue_depth(rate_hz, num_bytes, current)
    assert 2 <= depth <= 100
    assert depth == 2 or depth * num_bytes <= 250_000_000
    assert queue_depth(rate_hz, num_bytes, depth) == depth, 'it is not changed again'


def test_a_queue_does_not_shrink_because_fewer_messages_come():
    assert queue_depth(0.0, 100, 30) == 30
