"""TF mode: the transform that the node broadcasts, by `tf.mode` and the robot's frames."""

from __future__ import annotations

from dataclasses import dataclass

UNDECIDED = 'undecided'
# What each says of the robot, from least to most.
_AUTOMATIC = ('map_to_camera', 'map_to_base', 'map_to_odom')


@dataclass(frozen=True, slots=True, kw_only=True)
class TfKnowledge:
    """What TF knows of the camera.

    Attributes:
        has_odom: Its pose in the odometry's frame at the stamp of an image.
        has_base: Its pose on the robot's base at that stamp.
        odom_is_sent: Whether its pose in the odometry's frame is sent, at whatever
            stamps and be it refused.
        base_is_sent: Likewise on the base.
    """

    has_odom: bool
    has_base: bool
    odom_is_sent: bool
    base_is_sent: bool


def choose_tf_mode(requested: str, known: TfKnowledge, current: str = UNDECIDED) -> str:
    """Return what can be broadcast now, or `UNDECIDED` while a transform that it needs is missing.

    What was decided by `auto` is replaced by what says more of the robot, never by less: a
    transform that is missing for a moment changes nothing.

    Args:
        requested: `tf.mode`.
        known: What TF knows.
        current: What is broadcast so far.
    """
    if requested == 'auto':
        best = _best(known)
        if best == UNDECIDED:
            return current if current == 'map_to_odom' else UNDECIDED
        return best if _rank(best) > _rank(current) else current
    needs = {'map_to_odom': known.has_odom, 'map_to_base': known.has_base}
    # What was asked for comes later or never, but not something else instead.
    if current == requested or needs.get(requested, True):
        return requested
    return UNDECIDED


def _best(known: TfKnowledge) -> str:
    if known.has_odom:
        return 'map_to_odom'
    if known.odom_is_sent:
        # The base has a parent; the map cannot be a second one.
        return UNDECIDED
    if known.has_base:
        return 'map_to_base'
    return UNDECIDED if known.base_is_sent else 'map_to_camera'


def _rank(mode: str) -> int:
    return _AUTOMATIC.index(mode) if mode in _AUTOMATIC else -1
