"""Places that look exactly like others, and where a network takes them to be."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
import numpy as np

from vggt_ros.synthetic.course import Course

# Frames whose numbers are farther apart are in one window only because they look alike.
_MAX_GAP = 50


def mistaken_m(course: Course, frame_ids: Sequence[int]) -> Float[np.ndarray, 'S 3']:
    """Return how far each frame of a window is from where it seems to be, meters.

    Seen with the first frame of the window, a place that looks exactly like one near it is taken
    for that one; frames that follow each other are not mistaken.

    Args:
        course: The path.
        frame_ids: Numbers of the frames of the window.
    """
    ids = np.array(frame_ids)
    if course.alias_shift is None:
        return np.zeros((len(ids), 3))
    is_far = np.abs(ids - ids[0]) > _MAX_GAP
    shift = course.alias_shift[ids] - course.alias_shift[ids[0]]
    return np.where(is_far[:, None], shift, 0.0)


def seeming_poses(course: Course, frame_ids: Sequence[int]) -> Float[np.ndarray, 'S 4 4']:
    """Return world_from_cam as the images of a window tell it."""
    poses = course.world_from_cam[list(frame_ids)]
    poses[:, :3, 3] -= mistaken_m(course, frame_ids)
    return poses
