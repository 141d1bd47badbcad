"""Bag fixes: where a robot's antenna was, out of a topic of `sensor_msgs/NavSatFix`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import OptionError
from vggt_ros.sources.bag_poses import stamp_of
from vggt_ros.sources.bag_reader import BagReader
from vggt_ros.sources.bag_transforms import frame_name, StaticTransforms
from vggt_ros.sources.position_fixes import (
    fixes_of,
    GeodeticFix,
    PositionFix,
    PositionFixes,
)

FIX_TYPE = 'sensor_msgs/msg/NavSatFix'
# What is said instead of a topic.
NO_FIXES = 'none'
# Constants of NavSatFix and NavSatStatus.
_COVARIANCE_UNKNOWN, _STATUS_NO_FIX = 0, -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BagFixes:
    """Fixes of a topic.

    Attributes:
        topic: Its name.
        fixes: By time.
        antenna_in_cam: For each camera (3,) where the antenna is in its frame, meters.
        notes: What a user should know, one sentence each.
    """

    topic: str
    fixes: PositionFixes
    antenna_in_cam: tuple[Float[np.ndarray, ' 3'], ...]
    notes: tuple[str, ...]

    def at(self, stamp_ns: int, camera: int) -> PositionFix | None:
        """Return where the antenna was; None where that is not known.

        Args:
            stamp_ns: The moment.
            camera: In whose frame the antenna is wanted.
        """
        return self.fixes.at(stamp_ns, self.antenna_in_cam[camera])


def fixes_in(
    reader: BagReader, topic: str | None, transforms: StaticTransforms, cameras: Sequence[str]
) -> BagFixes | None:
    """Return the fixes of a bag.

    An antenna that /tf_static does not connect with a camera is taken to be at the camera.

    Args:
        reader: The bag, open.
        topic: With fixes; None for the only one if there is one, `NO_FIXES` for none.
        transforms: Of /tf_static.
        cameras: Frames of the cameras.

    Returns:
        None if there are none, or several and none is named.

    Raises:
        SourceError: There is no such topic, or it has no fix that can be used.
    """
    known = [each.name for each in reader.topics.values() if each.type == FIX_TYPE]
    if topic == NO_FIXES or (topic is None and len(known) != 1):
        return None
    name = known[0] if topic is None else topic
    if name not in known:
        raise OptionError(
            f'{name} has no fixes of satellites ({FIX_TYPE}); topics with them in this bag: '
            f'{", ".join(known) or "none"}'
        )
    refused: dict[str, int] = {}
    antennas: list[str] = []
    found = fixes_of(list(_read(reader, name, refused, antennas)), refused)
    if found is None:
        counted = ', '.join(f'{n} {reason}' for reason, n in refused.items()) or 'no messages'
        if topic is None:
            return None
        raise OptionError(f'{name} has no fix that can be used ({counted}); leave it out')
    notes = [
        f'{count} fixes of {name} are left out: {reason}'
        for reason, count in found.refused.items()
    ]
    places = []
    for camera in cameras:
        found_at = transforms.find(camera, antennas[0]) if antennas[0] else None
        places.append(np.zeros(3) if found_at is None else found_at[:3, 3].copy())
        if found_at is None:
            notes.append(
                f'where the antenna {antennas[0]!r} of {name} is on {camera} is not known '
                f'(/tf_static does not connect them): it is taken to be at the camera'
            )
    return BagFixes(topic=name, fixes=found, antenna_in_cam=tuple(places), notes=tuple(notes))


def _read(
    reader: BagReader, topic: str, refused: dict[str, int], antennas: list[str]
) -> Iterator[GeodeticFix]:
    for raw in reader.messages([topic]):
        message: Any = reader.decode(raw)
        if not antennas:
            antennas.append(frame_name(message.header.frame_id))
        fault = ''
        if int(message.status.status) <= _STATUS_NO_FIX:
            fault = 'no_fix'
        elif int(message.position_covariance_type) == _COVARIANCE_UNKNOWN:
            fault = 'unknown_covariance'
        if fault:
            refused[fault] = refused.get(fault, 0) + 1
            continue
        place = (message.latitude, message.longitude, message.altitude)
        yield GeodeticFix(
            stamp_ns=stamp_of(message, raw.log_ns),
            place=np.array(place, dtype=np.float64),
            covariance=np.array(message.position_covariance, dtype=np.float64).reshape(3, 3),
        )
