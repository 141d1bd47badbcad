"""Poses of bags: odometry or a truth from a topic, as poses by time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import OptionError
from vggt_ros.sources.bag_reader import BagReader
from vggt_ros.sources.bag_transforms import frame_name, pose_matrix, StaticTransforms
from vggt_ros.sources.true_poses import TruePoses

_NS_PER_S = 1_000_000_000
POSE_TYPES = (
    'nav_msgs/msg/Odometry',
    'geometry_msgs/msg/PoseStamped',
    'geometry_msgs/msg/PoseWithCovarianceStamped',
    'geometry_msgs/msg/TransformStamped',
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BagPoses:
    """Poses of a topic.

    Attributes:
        topic: Its name.
        poses: By time.
        child: Frame whose poses they are; empty if the messages do not say.
        num_refused: Messages that are no pose: NaN, or a quaternion that is no rotation.
    """

    topic: str
    poses: TruePoses
    child: str
    num_refused: int = 0

    @property
    def notes(self) -> list[str]:
        """What a user should know, one sentence each."""
        if not self.num_refused:
            return []
        return [f'{self.num_refused} poses of {self.topic} are not rigid (NaN?) and left out']


def read_poses(reader: BagReader, topic: str) -> BagPoses:
    """Read all poses of a topic.

    Args:
        reader: The bag, open.
        topic: With messages of one of `POSE_TYPES`; those that are no pose are left out.

    Raises:
        SourceError: There is no such topic, it has another type, or no poses.
    """
    if topic not in reader.topics or reader.topics[topic].type not in POSE_TYPES:
        known = [each.name for each in reader.topics.values() if each.type in POSE_TYPES]
        listed = ', '.join(known) if known else 'none'
        raise OptionError(f'{topic} has no poses; topics with poses in this bag: {listed}')
    found: dict[int, Float[np.ndarray, '4 4']] = {}
    child, num_refused = '', 0
    for raw in reader.messages([topic]):
        message = reader.decode(raw)
        child = frame_name(getattr(message, 'child_frame_id', ''))
        pose = _pose(message)
        if pose is None:
            num_refused += 1
        else:
            found[stamp_of(message, raw.log_ns)] = pose
    if not found:
        raise OptionError(f'{topic} has no usable poses; choose another topic')
    stamps_ns = sorted(found)
    return BagPoses(
        topic=topic,
        poses=TruePoses(
            stamps_ns=np.array(stamps_ns, dtype=np.int64),
            world_from_body=np.stack([found[stamp_ns] for stamp_ns in stamps_ns]),
        ),
        child=child,
        num_refused=num_refused,
    )


def child_from_camera(
    poses: BagPoses, camera: str, transforms: StaticTransforms
) -> Float[np.ndarray, '4 4']:
    """Return where a camera is on what the poses are of.

    Poses that do not say what they are of are taken for the camera's.

    Raises:
        SourceError: /tf_static does not connect the two.
    """
    if not poses.child or poses.child == frame_name(camera):
        return np.eye(4)
    found = transforms.find(poses.child, camera)
    if found is None:
        raise OptionError(
            f'{poses.topic} has poses of {poses.child!r}, and /tf_static ({len(transforms)} '
            f'frames) does not say where the camera {camera!r} is on it; record /tf_static from '
            f'the start, or leave out this topic'
        )
    return found


def stamp_of(message: Any, log_ns: int) -> int:
    """Return a message's stamp, nanoseconds; the time of recording if it has none."""
    stamp = message.header.stamp
    stamp_ns = int(stamp.sec) * _NS_PER_S + int(stamp.nanosec)
    return stamp_ns if stamp_ns > 0 else log_ns


def _pose(message: Any) -> Float[np.ndarray, '4 4'] | None:
    if hasattr(message, 'transform'):
        return pose_matrix(message.transform.translation, message.transform.rotation)
    pose = message.pose.pose if hasattr(message.pose, 'pose') else message.pose
    return pose_matrix(pose.position, pose.orientation)
