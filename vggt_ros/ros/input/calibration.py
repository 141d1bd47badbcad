"""Calibration: how the images of a camera are read, from its CameraInfo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import logging
import re

from jaxtyping import Float
import numpy as np
from sensor_msgs.msg import CameraInfo

from vggt_ros.errors import InputError
from vggt_ros.geometry.distortion import usual_coefficients
from vggt_ros.geometry.lens import Lens, Rectifier

_log = logging.getLogger(__name__)
# What drivers call the models beside their names in REP 104.
_SAME_AS = {'fisheye': 'equidistant', 'radtan': 'plumb_bob'}
# As image_proc names what it has rectified: image_rect, image_rect_color, rgb/image_rect_raw.
_RECTIFIED = re.compile(r'(^|_)rect(_|$|ified)')
# An image of yet another size is told by its refusal.
_MAX_SAID = 5


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

    def __init__(
        self, rectify: str, image_topic: str, say: Callable[[str], object] = _log.warning
    ) -> None:
        """Decide what the images are.

        Args:
            rectify: `input.rectify`.
            image_topic: Full name of the topic of the images.
            say: Told, once, what is taken for granted that a calibration leaves open.
        """
        self._say = say
        self._said: set[str] = set()
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
        Without a width and height it is taken for that of the image.

        Args:
            info: As the driver publishes it; all entries of K, and of P for rectified images, are
                0 for a camera not calibrated.
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
        given_K, given_P = np.reshape(info.k, (3, 3)), np.reshape(info.p, (3, 4))[:, :3]
        K = _normalized(given_K) if given_K.any() else None
        P = _normalized(given_P) if given_P[0, 0] != 0.0 else None
        if self._is_rectified:
            # K is that of the lens, which bent these images no more; some drivers leave it out.
            K = P = K if P is None else P
        if K is None:
            return Calibration(K=None, rectifier=None)
        self._check_size(info, image_width, image_height)
        D = np.array([] if self._is_rectified else info.d, dtype=np.float64)
        model = _SAME_AS.get(info.distortion_model, info.distortion_model)
        lens = Lens(
            model=model,
            K=_of_image(K, info),
            D=usual_coefficients(model, D),
            K_rect=None if P is None else _of_image(P, info),
            width=image_width,
            height=image_height,
        )
        if self._rectifies and lens.is_distorted:
            rectifier = Rectifier(lens)
            return Calibration(K=rectifier.K, rectifier=rectifier)
        return Calibration(K=lens.K, rectifier=None)

    def _check_size(self, info: CameraInfo, image_width: int, image_height: int) -> None:
        width = info.roi.width or info.width
        height = info.roi.height or info.height
        if not (width or height):
            self._say_once(
                f'camera_info has K but no width and height; it is taken for that of the images '
                f'of {image_width} x {image_height}: let the driver fill them in'
            )
            return
        described = (width // max(info.binning_x, 1), height // max(info.binning_y, 1))
        if described != (image_width, image_height):
            raise InputError(
                'bad_camera_info',
                f'camera_info cannot be used: it describes images of {described[0]} x '
                f'{described[1]}, the image is {image_width} x {image_height}; calibrate the '
                f'camera at this size or set input.use_camera_info to false',
            )

    def _say_once(self, text: str) -> None:
        if text not in self._said and len(self._said) < _MAX_SAID:
            self._said.add(text)
            self._say(text)


def _normalized(entries: Float[np.ndarray, '3 3']) -> Float[np.ndarray, '3 3']:
    """Return intrinsics whose last row is (0, 0, 1), which some drivers leave out."""
    K = np.array(entries, dtype=np.float64)
    if K[2, 2] not in (0.0, 1.0):
        with np.errstate(over='ignore', invalid='ignore'):  # what is not finite is refused
            K /= K[2, 2]
    K[2] = 0.0, 0.0, 1.0
    return K


def _of_image(K: Float[np.ndarray, '3 3'], info: CameraInfo) -> Float[np.ndarray, '3 3']:
    """Return intrinsics of the full sensor in pixels of the image."""
    K = K.copy()
    K[:2, 2] -= (info.roi.x_offset, info.roi.y_offset)
    K[:2] /= np.array([[max(info.binning_x, 1)], [max(info.binning_y, 1)]])
    return K
