"""Topics that carry something else than what is read from them, and those that were meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from vggt_ros.ros.middleware.log_text import one_line
from vggt_ros.ros.middleware.transport import COMPRESSED_SUFFIX

_IMAGE = 'sensor_msgs/msg/Image'
_COMPRESSED = 'sensor_msgs/msg/CompressedImage'


def type_name(kind: type) -> str:
    """Return the name of a type of messages as the graph has it."""
    return f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'


def wrong_type(topic: str, types: Iterable[str], wanted: str, name: str) -> str:
    """Return why nothing can be read from a topic; empty if something can, or none publishes.

    Args:
        topic: Full name.
        types: Of its publishers.
        wanted: What is read from it.
        name: What the node calls it, without remapping: image, depth_0 and so on.
    """
    found = sorted(set(types))
    if not found or wanted in found:
        return ''
    return (
        f'{topic} carries {one_line(", ".join(found))}, and {wanted} is read from it: '
        f'{_advice(topic, found, wanted, name)}'
    )


def similar_topics(
    topic: str, published: Iterable[tuple[str, Iterable[str]]], wanted: str, *, is_auto: bool
) -> tuple[str, ...]:
    """Return the topics that could have been meant, the most similar names first.

    Args:
        topic: Full name of one that has no publisher.
        published: Names and types of those that have one.
        wanted: What is read from it.
        is_auto: Whether images are read from a compressed topic beside it, too.
    """
    names = set()
    for name, types in published:
        if wanted in types:
            names.add(name)
        elif is_auto and _COMPRESSED in types and name.endswith(COMPRESSED_SUFFIX):
            names.add(name.removesuffix(COMPRESSED_SUFFIX))

    def unlikeness(name: str) -> tuple[float, str]:
        return -SequenceMatcher(None, topic, name).ratio(), name

    return tuple(one_line(name) for name in sorted(names, key=unlikeness))


def _advice(topic: str, found: list[str], wanted: str, name: str) -> str:
    parameter = 'depth_topic' if name.startswith('depth') else 'image_topic'
    if (wanted, found) == (_IMAGE, [_COMPRESSED]):
        if name.startswith('depth'):
            return (
                f'remap {name} ({parameter} of the launch file) to depth that is not compressed; '
                f'`ros2 run image_transport republish compressedDepth raw` makes it'
            )
        if topic.endswith(COMPRESSED_SUFFIX):
            base = topic.removesuffix(COMPRESSED_SUFFIX)
            return (
                f'remap {name} ({parameter} of the launch file) to {base} and let '
                f'input.transport be compressed, or auto'
            )
        return (
            f'let the driver publish it as {topic}{COMPRESSED_SUFFIX}, which input.transport '
            f'compressed or auto reads'
        )
    if (wanted, found) == (_COMPRESSED, [_IMAGE]):
        return f'set input.transport to raw and remap {name} ({parameter}) to {topic}'
    return f'remap {name} to a topic of {wanted} (ros2 topic list -t shows the types)'
