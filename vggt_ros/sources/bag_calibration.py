"""Calibration of bags: a camera_info message as a calibration of the images."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.sources.calibration import Calibration, named_distortion


def calibration_of(message: Any, topic: str, *, is_rectified: bool) -> Calibration | None:
    """Return what camera_info says; None for a camera that was not calibrated.

    Args:
        message: With the fields of sensor_msgs/CameraInfo of ROS 2, or of ROS 1, whose matrices
            have large letters.
        topic: Where it was sent, for errors.
        is_rectified: Whether the images are: then P holds, and nothing bends.

    Raises:
        SourceError: The lens is of an unknown kind, or numbers are missing.
    """
    K = (
        _numbers(message, 'k').reshape(3, 3)
        if _numbers(message, 'k').size == 9
        else np.zeros((3, 3))
    )
    P = _numbers(message, 'p')
    if is_rectified and P.size == 12 and P[0] > 0:
        K = P.reshape(3, 4)[:, :3]
    if not (np.isfinite(K).all() and K[0, 0] > 0 and K[1, 1] > 0):
        return None
    pinhole = np.array([[K[0, 0], 0, K[0, 2]], [0, K[1, 1], K[1, 2]], [0, 0, 1.0]])
    distortion = None
    if not is_rectified:
        d = _numbers(message, 'd')
        if not np.isfinite(d).all():
            raise SourceError(f'{topic} has the distortion {d.tolist()}; give --calibration FILE')
        distortion = named_distortion(message.distortion_model, d.tolist(), topic)
    size = int(message.width), int(message.height)
    return Calibration(
        K=pinhole, distortion=distortion, size=size if min(size) > 0 else None, origin=topic
    )


def is_rectified_topic(name: str) -> bool:
    """Return whether a topic has rectified images, by the names of image_proc."""
    return any(word.startswith('image_rect') for word in name.split('/'))


def _numbers(message: Any, name: str) -> Float[np.ndarray, ' n']:
    found = getattr(message, name, None)
    if found is None:
        found = getattr(message, name.upper(), ())
    return np.asarray(found, dtype=np.float64).ravel()
