"""Pixels of a CompressedImage message, decoded when they are wanted."""

from __future__ import annotations

import io
from typing import Any

import cv2
from cv_bridge import CvBridge, CvBridgeError
from jaxtyping import UInt8
import numpy as np
from PIL import Image as PilImage
from PIL import UnidentifiedImageError
from sensor_msgs.msg import CompressedImage, Image

from vggt_ros.errors import InputError
from vggt_ros.ros.input.message_pixels import check_meaning, check_size
from vggt_ros.ros.input.picture_format import parse_format
from vggt_ros.ros.input.tones import Tones
from vggt_ros.ros.middleware.log_text import one_line
from vggt_ros.ros.middleware.payload import fill

_CODECS = ('JPEG', 'PNG', 'WEBP', 'TIFF')
_LOSSY = ('JPEG', 'WEBP')
_HEADER_BYTES = 64 * 1024  # cameras put previews and positions before the size
# What Pillow calls pictures of one channel.
_GRAY_MODES = {'1', 'L', 'I', 'I;16', 'I;16B', 'F'}
_REMEDY = 'publish JPEG, PNG, WebP or TIFF'


class CompressedPixels:
    """Reads rows of a JPEG, PNG, WebP or TIFF picture as RGB.

    Attributes:
        size: Width and height, pixels.
    """

    def __init__(
        self,
        message: CompressedImage,
        bridge: CvBridge | None = None,
        tones: Tones | None = None,
    ) -> None:
        """Read the size, and what the picture is said to be.

        Args:
            message: The picture; it must not change any more.
            bridge: Knows the mosaics; None for one of its own.
            tones: Reads values of 16 bits; None for one of its own.

        Raises:
            InputError: `empty_image`, `bad_encoding`, or `too_large`.
        """
        if not len(message.data):
            raise InputError('empty_image', 'the compressed image has 0 bytes of data')
        self._format = parse_format(message.format)
        if self._format.is_depth:
            raise _bad_encoding(message.format, f'it is depth, not a picture; {_REMEDY}')
        self._message = message
        self._bridge = CvBridge() if bridge is None else bridge
        self._tones = Tones() if tones is None else tones
        self._image: UInt8[np.ndarray, 'H W 3'] | None = None
        self._codec, self._is_gray = '', False
        self.size = self._read_size()
        check_size(*self.size)
        self._check_meaning()

    def read_rows(self, rows: slice) -> UInt8[np.ndarray, 'n W 3']:
        """Return the rows that a slice names; the picture is decoded once.

        Raises:
            InputError: `bad_encoding`: it is damaged.
        """
        if self._image is None:
            self._image = self._decoded()
        return self._image[rows]

    def _read_size(self) -> tuple[int, int]:
        data = memoryview(self._message.data)
        for part in (data[:_HEADER_BYTES], data):
            try:
                # Reads the header alone; cv2 decodes everything at once.
                with PilImage.open(io.BytesIO(part), formats=_CODECS) as picture:
                    self._codec = str(picture.format)
                    self._is_gray = picture.mode in _GRAY_MODES
                    return int(picture.size[0]), int(picture.size[1])
            except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
                reason = str(error) or type(error).__name__
            except PilImage.DecompressionBombError as error:
                raise InputError(
                    'too_large', f"the compressed image is no camera's: {error}"
                ) from error
        raise _bad_encoding(self._message.format, f'{reason}; {_REMEDY}')

    def _check_meaning(self) -> None:
        """Refuse what would be read as something that it is not."""
        said = self._format
        if self._is_gray:
            check_meaning(said.encoding, self._tones, f' (format {said_by(self._message)})')
        if said.is_mosaic and self._is_gray and self._codec in _LOSSY:
            raise _bad_encoding(
                self._message.format,
                f'it is the mosaic of a sensor in a {self._codec} picture, which blurs the colors '
                f'of its pixels into each other; let the driver compress it as PNG, or publish '
                f'rgb8 (image_proc debayers) and compress that',
            )

    def _decoded(self) -> UInt8[np.ndarray, 'H W 3']:
        data = np.frombuffer(memoryview(self._message.data), np.uint8)
        # Not turned by what the header says about orientation: the calibration does not know it.
        flags = cv2.IMREAD_IGNORE_ORIENTATION | cv2.IMREAD_ANYDEPTH
        flags |= cv2.IMREAD_GRAYSCALE if self._is_gray else cv2.IMREAD_COLOR
        try:
            image = cv2.imdecode(data, flags)
        except cv2.error as error:
            raise _bad_encoding(self._message.format, f'{error}; {_REMEDY}') from error
        if image is None or image.shape[1::-1] != self.size:
            raise _bad_encoding(self._message.format, f'the data is damaged; {_REMEDY}')
        if image.dtype not in (np.uint8, np.uint16):
            raise _bad_encoding(self._message.format, f'its pixels are {image.dtype}; {_REMEDY}')
        return self._as_rgb(image)

    def _as_rgb(self, image: Any) -> UInt8[np.ndarray, 'H W 3']:
        said = self._format
        if self._is_gray and self._tones.takes(said.encoding):
            return np.asarray(cv2.cvtColor(self._tones.gray(image), cv2.COLOR_GRAY2RGB))
        if image.dtype == np.uint16:
            image = self._tones.full_range(image)
        if self._is_gray and said.is_mosaic:
            return self._without_mosaic(image)
        if image.dtype == np.uint16:
            image = cv2.convertScaleAbs(image, alpha=255.0 / 65535.0)
        if self._is_gray:
            return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB))
        if said.has_rgb_as_bgr(self._codec):
            return np.ascontiguousarray(image)
        # In place: a second copy of a large picture is memory for nothing.
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image))

    def _without_mosaic(self, image: Any) -> UInt8[np.ndarray, 'H W 3']:
        encoding = self._format.encoding
        if not encoding.endswith(str(8 * image.dtype.itemsize)):
            raise _bad_encoding(
                self._message.format,
                f'the picture has {8 * image.dtype.itemsize} bits, {encoding} has not',
            )
        message = Image(
            height=image.shape[0],
            width=image.shape[1],
            encoding=encoding,
            step=image.shape[1] * image.dtype.itemsize,
        )
        fill(message.data, image)
        try:
            return np.asarray(self._bridge.imgmsg_to_cv2(message, desired_encoding='rgb8'))
        except (CvBridgeError, RuntimeError, TypeError, ValueError) as error:
            raise _bad_encoding(self._message.format, str(error)) from error


def said_by(message: CompressedImage) -> str:
    """Return the format of a message, fit for a line of the log."""
    return repr(one_line(message.format))


def _bad_encoding(format_: str, why: str) -> InputError:
    return InputError(
        'bad_encoding',
        f'the compressed image with format {one_line(format_)!r} cannot be used: {why}',
    )
