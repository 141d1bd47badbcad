"""Bag odometry: where the robot went by /tf, as a node would look it up."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import OptionError
from vggt_ros.sources.bag_poses import BagPoses, read_poses, stamp_of
from vggt_ros.sources.bag_reader import BagReader
from vggt_ros.sources.bag_transforms import frame_name, pose_matrix, StaticTransforms
from vggt_ros.sources.true_poses import TruePoses

TF_TOPIC, ODOMETRY_FRAME = '/tf', 'odom'
# A longer chain is a ring.
_MAX_LINKS = 32
# What is said instead of a topic.
NO_ODOMETRY = 'none'
_Pose = Float[np.ndarray, '4 4']


def odometry_of(
    reader: BagReader, topic: str | None, transforms: StaticTransforms, cameras: Sequence[str]
) -> BagPoses | None:
    """Return the odometry of a bag; a topic that is not named may as well be a truth.

    Args:
        reader: The bag, open.
        topic: With poses; None for those of /tf if there are any, `NO_ODOMETRY` for none.
        transforms: Of /tf_static.
        cameras: Frames of the cameras.

    Raises:
        SourceError: There is no such topic, or it has no poses.
    """
    if topic == NO_ODOMETRY:
        return None
    if topic is not None and topic != TF_TOPIC:
        return read_poses(reader, topic)
    found = read_tf_odometry(reader, transforms, cameras[0])
    if found is not None:
        places = [transforms.find(found.child, camera) for camera in cameras]
        if all(place is not None for place in places):
            return found
    if topic == TF_TOPIC:
        raise OptionError(
            f'/tf and /tf_static do not lead from {ODOMETRY_FRAME!r} to {", ".join(cameras)}; '
            f'name another --odometry-topic, or leave it out'
        )
    return None


def read_tf_odometry(
    reader: BagReader, transforms: StaticTransforms, camera: str
) -> BagPoses | None:
    """Return the poses of what carries a camera in the frame `odom` (REP 105).

    What carries it is the frame that /tf_static leads to from the camera; above it, transforms
    of /tf and /tf_static lead to `odom`. They are composed at the stamps of the lowest one.

    Args:
        reader: The bag, open.
        transforms: Of /tf_static.
        camera: Frame of the camera.

    Returns:
        None if /tf does not connect the two.
    """
    if TF_TOPIC not in reader.topics:
        return None
    moving, num_refused = _moving(reader)
    body = transforms.root_of(camera)
    if body == ODOMETRY_FRAME or body not in moving:
        return None
    parent, poses = moving[body]
    links: list[TruePoses | _Pose] = []
    for _ in range(_MAX_LINKS):
        if parent == ODOMETRY_FRAME:
            break
        if parent in moving:
            parent, above = moving[parent]
            links.append(above)
            continue
        root = transforms.find(transforms.root_of(parent), parent)
        if root is None or transforms.root_of(parent) == parent:
            return None
        links.append(root)
        parent = transforms.root_of(parent)
    else:
        return None
    return BagPoses(
        topic=TF_TOPIC, poses=_composed(poses, links), child=body, num_refused=num_refused
    )


def _moving(reader: BagReader) -> tuple[dict[str, tuple[str, TruePoses]], int]:
    """Return the parent and the poses of each child of /tf, and how many were no pose."""
    found: dict[str, dict[int, _Pose]] = {}
    parents: dict[str, str] = {}
    num_refused = 0
    for raw in reader.messages([TF_TOPIC]):
        for stamped in reader.decode(raw).transforms:
            pose = pose_matrix(stamped.transform.translation, stamped.transform.rotation)
            if pose is None:
                num_refused += 1
                continue
            child = frame_name(stamped.child_frame_id)
            parents[child] = frame_name(stamped.header.frame_id)
            found.setdefault(child, {})[stamp_of(stamped, raw.log_ns)] = pose
    return {child: (parents[child], _by_time(each)) for child, each in found.items()}, num_refused


def _by_time(poses: dict[int, _Pose]) -> TruePoses:
    stamps_ns = sorted(poses)
    return TruePoses(
        stamps_ns=np.array(stamps_ns, dtype=np.int64),
        world_from_body=np.stack([poses[stamp_ns] for stamp_ns in stamps_ns]),
    )


def _composed(poses: TruePoses, links: list[TruePoses | _Pose]) -> TruePoses:
    """Return poses of a body in the highest frame, where all links are known.

    Args:
        poses: Of the body in the lowest frame.
        links: Of that frame in the one above, and so on.
    """
    found = {}
    for stamp_ns, pose in zip(poses.stamps_ns.tolist(), poses.world_from_body, strict=True):
        in_odom: _Pose | None = pose
        for link in links:
            above = link.at(stamp_ns) if isinstance(link, TruePoses) else link
            in_odom = None if above is None or in_odom is None else above @ in_odom
        if in_odom is not None:
            found[stamp_ns] = in_odom
    return _by_time(found) if found else poses
