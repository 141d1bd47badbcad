"""One image with its stamp: what a camera delivers."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, UInt8
import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One image of one camera.

    Attributes:
        id: Unique in this run and increasing; windows and seams find frames by it.
        stamp_ns: When the image was taken, ROS time in integer nanoseconds.
        camera_frame: Name of the camera's optical coordinate frame.
        image: (H, W, 3) RGB, contiguous.
        K: (3, 3) calibrated intrinsics in pixels of `image`, None if unknown.
    """

    id: int
    stamp_ns: int
    camera_frame: str
    image: UInt8[np.ndarray, 'H W 3']
    K: Float[np.ndarray, '3 3'] | None = None
