"""Bag IMU: the topic of an inertial measurement unit, and how the cameras are turned to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import OptionError, SourceError
from vggt_ros.sources.bag_poses import stamp_of
from vggt_ros.sources.bag_reader import BagReader
from vggt_ros.sources.bag_transforms import frame_name, StaticTransforms

IMU_TYPE = 'sensor_msgs/msg/Imu'
# What is said instead of a topic.
NO_IMU = 'none'


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BagImu:
    """An IMU of a bag.

    Attributes:
        path: Of the bag.
        topic: Of its messages.
        frame: Which they are in; those of another frame are left out.
        cam_from_imu: For each camera the (3, 3) rotation to it; None where that is not known.
    """

    path: Path
    topic: str
    frame: str
    cam_from_imu: tuple[Float[np.ndarray, '3 3'] | None, ...]

    def messages(self) -> Iterator[tuple[int, Any]]:
        """Yield stamp, nanoseconds, and fields of each message that can be read.

        Raises:
            SourceError: The bag is damaged from here on.
        """
        with BagReader(self.path) as reader:
            for raw in reader.messages([self.topic]):
                try:
                    message = reader.decode(raw)
                except SourceError:
                    continue
                if frame_name(message.header.frame_id) == self.frame:
                    yield stamp_of(message, raw.log_ns), message


def imu_of(
    reader: BagReader,
    path: Path,
    topic: str | None,
    transforms: StaticTransforms,
    cameras: Sequence[str],
) -> tuple[BagImu | None, list[str]]:
    """Return the IMU of a bag, and sentences on why there is none.

    Args:
        reader: The bag, open.
        path: Of the bag.
        topic: Of the IMU; None for the only one that is mounted with the first camera; `NO_IMU`
            for none.
        transforms: Of /tf_static.
        cameras: Frames of the cameras.

    Raises:
        OptionError: The topic is missing, of another type or not mounted with the cameras.
    """
    known = [
        each.name for each in reader.topics.values() if each.type == IMU_TYPE and each.num_messages
    ]
    if topic == NO_IMU or (topic is None and not known):
        return None, []
    if topic is not None and topic not in known:
        listed = ''.join(f'\n  --imu-topic {name}' for name in known)
        raise OptionError(
            f'{path} has no messages of an IMU on {topic}'
            + (f'; give one of{listed}' if listed else ', nor on another topic; leave it out')
        )
    mounted = []
    for name in known if topic is None else [topic]:
        frame = _frame_of(reader, name)
        places = [transforms.find(camera, frame) for camera in cameras]
        if places[0] is not None:
            turns = tuple(None if place is None else place[:3, :3] for place in places)
            mounted.append(BagImu(path=path, topic=name, frame=frame, cam_from_imu=turns))
    if len(mounted) == 1:
        return mounted[0], []
    if mounted:
        names = ', '.join(each.topic for each in mounted)
        return None, [f'{names} are all of an IMU: none is used; choose with --imu-topic']
    why = f'where it is is not known: /tf_static does not connect it with the camera {cameras[0]}'
    if topic is not None:
        raise OptionError(f'{topic} cannot be used, {why}; leave it out')
    return None, [f'the IMU on {known[0]} is not used, {why}']


def _frame_of(reader: BagReader, topic: str) -> str:
    first = reader.first(topic)
    return '' if first is None else frame_name(reader.decode(first).header.frame_id)
