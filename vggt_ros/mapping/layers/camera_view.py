"""Camera view: a camera's pose in the map when it took an image, and its projection."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CameraView:
    """One camera at one time, without its image.

    Attributes:
        stamp_ns: When the image was taken, ROS time in integer nanoseconds.
        map_from_cam: (4, 4) rigid; translation in map units.
        K: (3, 3) intrinsics in pixels of an image of `width` x `height`; the center of the
            top-left pixel is (0, 0).
        width: Of the image, pixels.
        height: Of the image, pixels.
        camera: Which camera, 0..7.
    """

    stamp_ns: int
    map_from_cam: Float[np.ndarray, '4 4']
    K: Float[np.ndarray, '3 3']
    width: int
    height: int
    camera: int = 0

    @property
    def cam_from_map(self) -> Float[np.ndarray, '4 4']:
        """Inverse of `map_from_cam`: what projects points of the map."""
        return se3.inverse(self.map_from_cam)
