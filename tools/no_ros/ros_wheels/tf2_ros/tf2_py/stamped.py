"""Transforms and stamps to and from messages."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import TransformStamped
import numpy as np
from rclpy.time import Time

_UNIT_TOLERANCE = 1e-2


def nanoseconds(time: Any) -> int:
    """Return the nanoseconds of an rclpy Time or of a time message."""
    if hasattr(time, 'nanoseconds'):
        return int(time.nanoseconds)
    return int(time.sec) * 1_000_000_000 + int(time.nanosec)


def problem_of(parent: str, child: str, translation: np.ndarray, quat_xyzw: np.ndarray) -> str:
    """Say why a transform cannot be used; empty if it can."""
    if not child or not parent:
        return f'frame names must not be empty, got parent "{parent}" and child "{child}"'
    if child == parent:
        return f'"{child}" can not be its own parent'
    if not (np.isfinite(translation).all() and np.isfinite(quat_xyzw).all()):
        return f'"{child}" has a value that is not a number'
    if abs(float(quat_xyzw @ quat_xyzw) - 1.0) > _UNIT_TOLERANCE:
        return f'"{child}" has a quaternion of squared length {float(quat_xyzw @ quat_xyzw):.3f}'
    return ''


def parts_of(message: TransformStamped) -> tuple[np.ndarray, np.ndarray]:
    """Return translation (3,) and quaternion x, y, z, w of a message."""
    t, q = message.transform.translation, message.transform.rotation
    return np.array([t.x, t.y, t.z], dtype=float), np.array([q.x, q.y, q.z, q.w], dtype=float)


def message_of(
    target_frame: str,
    source_frame: str,
    stamp_ns: int,
    translation: np.ndarray,
    quat_xyzw: np.ndarray,
) -> TransformStamped:
    """Return a message that says where `source_frame` is in `target_frame`."""
    message = TransformStamped()
    message.header.frame_id = target_frame
    message.header.stamp = Time(nanoseconds=stamp_ns).to_msg()
    message.child_frame_id = source_frame
    t, q = message.transform.translation, message.transform.rotation
    t.x, t.y, t.z = map(float, translation)
    q.x, q.y, q.z, q.w = map(float, quat_xyzw)
    return message
