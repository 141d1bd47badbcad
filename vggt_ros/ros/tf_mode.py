"""Which transform the node broadcasts, as `tf.mode` and the robot's frames want it."""

from __future__ import annotations

UNDECIDED = 'undecided'


def choose_tf_mode(requested: str, *, has_odom: bool, has_base: bool) -> str:
    """Return the mode for good, or `UNDECIDED` while a transform that it needs is missing.

    Args:
        requested: `tf.mode`. `auto` is decided by what is known when it is asked.
        has_odom: Whether TF knows the camera in the odometry's frame.
        has_base: Whether TF knows the camera on the robot's base.
    """
    if requested == 'auto':
        if has_odom:
            return 'map_to_odom'
        return 'map_to_base' if has_base else 'map_to_camera'
    needs = {'map_to_odom': has_odom, 'map_to_base': has_base}
    # What was asked for comes later or never, but not something else instead.
    return requested if needs.get(requested, True) else UNDECIDED
