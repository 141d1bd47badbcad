"""Up direction: which way is up, as a camera or a window sees it, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.geometry.rotation import matrix_from_rotation_vector

_TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UpDirection:
    """The direction against gravity.

    Attributes:
        along_axes: (3,) of length 1, along the axes of a camera, an IMU or a submap.
        sigma_rad: Standard deviation of its angle about either axis across it.
    """

    along_axes: Float[np.ndarray, ' 3']
    sigma_rad: float

    def turned(self, b_from_a: Float[np.ndarray, '3 3']) -> UpDirection:
        """Return the same along the axes of another frame."""
        return UpDirection(along_axes=b_from_a @ self.along_axes, sigma_rad=self.sigma_rad)


def turn_onto(
    direction: Float[np.ndarray, ' 3'], target: Float[np.ndarray, ' 3']
) -> Float[np.ndarray, ' 3']:
    """Return the rotation vector, radians, of the smallest turn of one direction onto another.

    Opposite directions leave the axis open; then it is one across both.
    """
    axis = np.cross(direction, target)
    sine, cosine = float(np.linalg.norm(axis)), float(direction @ target)
    if sine < _TINY:
        across = np.cross(direction, np.eye(3)[np.argmin(np.abs(direction))])
        return across / np.linalg.norm(across) * (0.0 if cosine > 0 else np.pi)
    return np.asarray(axis / sine * np.arctan2(sine, cosine))


def turn_upright(up_in_map: Float[np.ndarray, ' 3']) -> Float[np.ndarray, '3 3']:
    """Return the smallest turn of a map that makes a direction its z axis."""
    return matrix_from_rotation_vector(turn_onto(up_in_map, np.array([0.0, 0.0, 1.0])))


def across(direction: Float[np.ndarray, ' 3']) -> Float[np.ndarray, '3 2']:
    """Return two axes across a direction and each other, in columns."""
    first = np.cross(direction, np.eye(3)[np.argmin(np.abs(direction))])
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(direction, first)], axis=1)


def up_of_window(
    ref_from_cam: Float[np.ndarray, 'S 4 4'],
    is_inlier: Bool[np.ndarray, ' S'],
    up_in_cam: Sequence[UpDirection | None],
) -> UpDirection | None:
    """Return the up direction of a window from those of its frames.

    Errors of the sensor last longer than a window: the mean of many frames is no surer of them
    than one. How much the frames contradict each other comes on top.

    Args:
        ref_from_cam: (S, 4, 4) poses of the cameras in the window.
        is_inlier: (S,) False for frames that must not decide it.
        up_in_cam: Of every frame, None where it is not known; empty if of none.

    Returns:
        Along the axes of the window; None if no frame knows it.
    """
    if not up_in_cam:
        return None
    known = [
        up.turned(pose[:3, :3])
        for pose, is_in, up in zip(ref_from_cam, is_inlier, up_in_cam, strict=True)
        if is_in and up is not None
    ]
    if not known:
        return None
    directions = np.stack([each.along_axes for each in known])
    mean = directions.mean(axis=0)
    length = float(np.linalg.norm(mean))
    if length < _TINY:
        return None
    mean = mean / length
    off_rad = np.linalg.norm(directions - mean, axis=1)
    scatter_rad = float(np.sqrt(np.mean(off_rad**2) / (2 * len(known))))
    sigma_rad = float(np.mean([each.sigma_rad for each in known]))
    return UpDirection(along_axes=mean, sigma_rad=float(np.hypot(sigma_rad, scatter_rad)))
