"""Transforms of bags: the tree of /tf_static, where the parts of a robot are on each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.geometry.se3 import inverse, rigid

STATIC_TOPIC = '/tf_static'


class StaticTransforms:
    """Transforms that do not change; frames are known without the slash that ROS 1 put before.

    Attributes:
        num_refused: Transforms that are not rigid: NaN, or a quaternion that is no rotation.
    """

    def __init__(self, messages: Iterable[Any]) -> None:
        """Take transforms; of one frame the last counts.

        Args:
            messages: With the fields of tf2_msgs/TFMessage. Transforms that are not rigid are
                left out.
        """
        self._parents: dict[str, tuple[str, Float[np.ndarray, '4 4']]] = {}
        self.num_refused = 0
        for message in messages:
            for stamped in message.transforms:
                pose = pose_matrix(stamped.transform.translation, stamped.transform.rotation)
                if pose is None:
                    self.num_refused += 1
                else:
                    parent = frame_name(stamped.header.frame_id)
                    self._parents[frame_name(stamped.child_frame_id)] = parent, pose

    def __len__(self) -> int:
        return len(self._parents)

    def root_of(self, frame: str) -> str:
        """Return the highest frame above a frame; itself if there is none."""
        return list(self._chain(frame))[-1]

    def find(self, target: str, source: str) -> Float[np.ndarray, '4 4'] | None:
        """Return target_from_source; None if the tree does not connect them.

        Args:
            target: Name of a frame.
            source: Name of another, or the same.
        """
        target_chain, source_chain = self._chain(target), self._chain(source)
        for ancestor, ancestor_from_source in source_chain.items():
            if ancestor in target_chain:
                found: Float[np.ndarray, '4 4'] = (
                    inverse(target_chain[ancestor]) @ ancestor_from_source
                )
                return found
        return None

    def _chain(self, frame: str) -> dict[str, Float[np.ndarray, '4 4']]:
        """Return the frame and those above it, and ancestor_from_frame of each."""
        name, pose = frame_name(frame), np.eye(4)
        chain = {name: pose}
        while name in self._parents:
            name, parent_from_child = self._parents[name]
            if name in chain:  # a ring is no tree
                break
            pose = parent_from_child @ pose
            chain[name] = pose
        return chain


def frame_name(frame_id: str) -> str:
    """Return a frame's name without the slash before it."""
    return frame_id.removeprefix('/')


def pose_matrix(translation: Any, quat: Any) -> Float[np.ndarray, '4 4'] | None:
    """Return a pose with the fields x, y, z and x, y, z, w; None if it is not rigid."""
    place = np.array([translation.x, translation.y, translation.z], dtype=np.float64)
    quat_xyzw = np.array([quat.x, quat.y, quat.z, quat.w], dtype=np.float64)
    if not np.isfinite([*place, *quat_xyzw]).all() or np.abs(quat_xyzw).max() > 2.0:
        return None
    try:
        pose: Float[np.ndarray, '4 4'] = rigid(matrix_from_quat_xyzw(quat_xyzw), place)
    except AlignmentError:
        return None
    return pose
