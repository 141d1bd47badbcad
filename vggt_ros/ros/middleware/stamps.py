"""ROS stamps as integer nanoseconds, both ways without rounding."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time

_NS_PER_S = 1_000_000_000


def ns_from_stamp(stamp: Time) -> int:
    """Return the nanoseconds of a stamp."""
    return int(stamp.sec) * _NS_PER_S + int(stamp.nanosec)


def ns_of(message: Any) -> int:
    """Return the nanoseconds of the stamp in a message's header."""
    return ns_from_stamp(message.header.stamp)


def stamp_from_ns(stamp_ns: int) -> Time:
    """Return the stamp of integer nanoseconds."""
    sec, nanosec = divmod(stamp_ns, _NS_PER_S)
    return Time(sec=sec, nanosec=nanosec)
