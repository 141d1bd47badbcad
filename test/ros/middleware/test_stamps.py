from builtin_interfaces.msg import Time
from geometry_msgs.msg import PointStamped
from hypothesis import given
from hypothesis import strategies as st
from std_msgs.msg import Header

from vggt_ros.ros.middleware.stamps import ns_from_stamp, ns_of, stamp_from_ns

NANOSECONDS = st.integers(min_value=0, max_value=2**31 * 1_000_000_000 - 1)


@given(NANOSECONDS)
def test_every_nanosecond_survives_the_way_there_and_back(stamp_ns):
    assert ns_from_stamp(stamp_from_ns(stamp_ns)) == stamp_ns


def test_the_parts_are_seconds_and_the_rest():
    assert stamp_from_ns(1_700_000_000_123_456_789) == Time(sec=1_700_000_000, nanosec=123_456_789)


def test_a_message_tells_its_stamp_to_the_nanosecond():
    assert ns_of(PointStamped(header=Header(stamp=stamp_from_ns(1_234_567_890)))) == 1_234_567_890
