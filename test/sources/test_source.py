import math

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.sources.source import check_num_frames, check_rate, stamp_ns_at


def test_stamps_do_not_drift_at_a_rate_whose_period_is_not_a_whole_nanosecond():
    assert [stamp_ns_at(index, 30.0) for index in (0, 1, 2)] == [0, 33_333_333, 66_666_667]
    assert stamp_ns_at(3_000_000, 30.0) == 100_000 * 1_000_000_000


@pytest.mark.parametrize('rate_hz', [0.0, -1.0, math.nan, math.inf, 2e9])
def test_a_rate_that_gives_no_distinct_stamps_is_refused_by_value(rate_hz):
    with pytest.raises(ConfigError, match=str(rate_hz).replace('+', r'\+')):
        check_rate(rate_hz)


def test_a_number_of_frames_below_one_is_refused():
    with pytest.raises(ConfigError, match='at least 1; got 0'):
        check_num_frames(0)
    check_num_frames(1)
    check_num_frames(None)
