"""From CameraInfo to how the images of a camera are to be read."""

from __future__ import annotations

from dataclasses import dataclass
import re

from jaxtyping import Float
import numpy as np
from sensor_msgs.msg import CameraInfo

from vggt_ros.errors import InputError
from vggt_ros.geometry.lens import Lens, Rectifier

# What drivers call the models beside their names in REP 104.
_SAME_AS = {'fisheye': 'equidistant', 'radtan': 'plumb_bob'}
# As image_proc names what it has rectified: image_rect, image_rect_color, rgb/image_rect_raw.
_RECTIFIED = re.compile(r'(^|_)rect(_|$|ified)')


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """How the images of a camera are to be read.

    Attributes:
        K: (3, 3) intrinsics of the images after `rectifier`, pixels; None if not calibrated.
        rectifier: Undoes the distortion; None if there is none to undo.
    """

    K: Float[np.ndarray, '3 3'] | None
    rectifier: Rectifier | None


class CalibrationReader:
    """Reads CameraInfo messages; remembers the last one, whose maps are costly."""

    def __init__(self, rectify: str, image_topic: str) -> None:
        """Decide what the images are.

        Args:
            rectify: `input.rectify`.
            image_topic: Full name of the topic of the images.
        """
        is_rectified = bool(
            _RECTIFIED.search(image_topic.removesuffix('/compressed').split('/')[-1])
        )
        self._is_rectified = rectify != 'always' and is_rectified
        self._rectifies = rectify == 'always' or (rectify == 'auto' and not is_rectified)
        self._key: object = None
        self._calibration: Calibration | None = None

    def read(self, info: CameraInfo, image_width: int, image_height: int) -> Calibration:
        """Return how images of a size are to be read.

        Of rectified images the intrinsics are those in P, of others those in K. Both describe
        the full sensor; a region of interest and binning are applied (REP 104, CameraInfo).

        Args:
            info: As the driver publishes it; all entries of K are 0 for a camera not calibrated.
            image_width: Width of the image, pixels.
            image_height: Height of the image, pixels.

        Raises:
            InputError: `bad_camera_info`: not finite, no positive focal length, an unknown
                distortion, or the calibration of an image of another size.
        """
        roi = info.roi
        key = (
            (info.width, info.height, image_width, image_height, info.distortion_model),
            (roi.x_offset, roi.y_offset, roi.width, roi.height, info.binning_x, info.binning_y),
            *(np.asarray(each).tobytes() for each in (info.k, info.d, info.p)),
        )
        if key != self._key or self._calibration is None:
            self._calibration = self._read(info, image_width, image_height)
            self._key = key
        return self._calibration

    def _read(self, info: CameraInfo, image_width: int, image_height: int) -> Calibration:
        K = np.array(info.k, dtype=np.float64).reshape(3, 3)
        if not K.any():
            return Calibration(K=None, rectifier=None)
        _check_size(info, image_width, image_height)
        P = np.array(info.p, dtype=np.float64).reshape(3, 4)[:, :3]
        K_rect = _of_image(P, info) if P[0, 0] != 0.0 else None
        lens = Lens(
            model=_SAME_AS.get(info.distortion_model, info.distortion_model),
            K=_of_image(K, info),
            D=np.array(info.d, dtype=np.float64),
            K_rect=K_rect,
            width=image_width,
            height=image_height,
        )
        if self._is_rectified:
            return Calibration(K=lens.K if K_rect is None else K_rect, rectifier=None)
        if self._rectifies and lens.is_distorted:
            rectifier = Rectifier(lens)
            return Calibration(K=rectifier.K, rectifier=rectifier)
        return Calibration(K=lens.K, rectifier=None)


def _check_size(info: CameraInfo, image_width: int, image_height: int) -> None:
    width = info.roi.width or info.width
    height = info.roi.height or info.height
    described = (width // max(info.binning_x, 1), height // max(info.binning_y, 1))
    if described != (image_width, image_height):
        raise InputError(
            'bad_camera_info',
            f'camera_info cannot be used: it describes images of {described[0]} x '
            f'{described[1]}, the image is {image_width} x {image_height}; calibrate the camera '
            f'at this size or set input.use_camera_info to false',
        )


def _of_image(K: Float[np.ndarray, '3 3'], info: CameraInfo) -> Float[np.ndarray, '3 3']:
    """Return intrinsics of the full sensor in pixels of the image."""
    K = K.copy()
    K[:2, 2] -= (info.roi.x_offset, info.roi.y_offset)
    K[:2] /= np.array([[max(info.binning_x, 1)], [max(info.binning_y, 1)]])
    return K
