"""Names of the topics that every camera has, and of the nodes at their ends."""

from __future__ import annotations

from typing import Any


def topic_of(name: str, camera: int, num_cameras: int) -> str:
    """Return the name of a topic that comes in, as `image` of one camera, `image_2` of several.

    Args:
        name: Of the topic.
        camera: Which camera, from 0.
        num_cameras: How many there are.
    """
    return name if num_cameras == 1 else f'{name}_{camera}'


def private_topic_of(name: str, camera: int, num_cameras: int) -> str:
    """Return the name of a topic that goes out, as `~/points`, or `~/camera_2/points` of several.

    Args:
        name: Of the topic, without `~/`.
        camera: Which camera, from 0.
        num_cameras: How many there are.
    """
    return f'~/{name}' if num_cameras == 1 else f'~/camera_{camera}/{name}'


def info_topic_beside(topic: str) -> str:
    """Return the topic of the calibration beside that of an image, as image_transport has it.

    Args:
        topic: Full name.
    """
    return f'{topic.rpartition("/")[0]}/camera_info'


def node_of(endpoint: Any) -> str:
    """Return the full name of the node that a publisher or a subscription belongs to.

    Args:
        endpoint: As rclpy tells of it (TopicEndpointInfo).
    """
    return f'{endpoint.node_namespace.rstrip("/")}/{endpoint.node_name}'
