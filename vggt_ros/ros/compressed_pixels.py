"""The pixels of a CompressedImage message, decoded when somebody wants them."""

from __future__ import annotations

import io

import cv2
from jaxtyping import UInt8
import numpy as np
from PIL import Image as PilImage
from PIL import UnidentifiedImageError
from sensor_msgs.msg import CompressedImage

from vggt_ros.errors import InputError

# A few bytes can claim to be a picture that fills the memory.
_MAX_PIXELS = 50_000_000
_FORMATS = ('JPEG', 'PNG', 'WEBP')
_HEADER_BYTES = 64 * 1024  # cameras put previews and positions before the size


class CompressedPixels:
    """Reads rows of a JPEG, PNG or WebP picture as RGB.

    Attributes:
        size: Width and height, pixels.
    """

    def __init__(self, message: CompressedImage) -> None:
        """Read the size.

        Args:
            message: The picture; it must not change any more.

        Raises:
            InputError: `empty_image`, `bad_encoding`, or `too_large`.
        """
        if not len(message.data):
            raise InputError('empty_image', 'the compressed image has 0 bytes of data')
        if 'compressedDepth' in message.format:
            raise _bad_encoding(message.format, 'it is depth, not a picture')
        self._message = message
        self._image: UInt8[np.ndarray, 'H W 3'] | None = None
        self.size = self._read_size()
        width, height = self.size
        if width * height > _MAX_PIXELS:
            raise InputError(
                'too_large',
                f'the compressed image claims to be {width} x {height}, more than {_MAX_PIXELS} '
                f'pixels; let the driver publish smaller ones',
            )

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
                with PilImage.open(io.BytesIO(part), formats=_FORMATS) as picture:
                    return int(picture.size[0]), int(picture.size[1])
            except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
                reason = str(error) or type(error).__name__
            except PilImage.DecompressionBombError as error:
                raise InputError(
                    'too_large', f"the compressed image is no camera's: {error}"
                ) from error
        raise _bad_encoding(self._message.format, reason)

    def _decoded(self) -> UInt8[np.ndarray, 'H W 3']:
        data = np.frombuffer(memoryview(self._message.data), np.uint8)
        # Not turned by what the header says about orientation: the calibration does not know it.
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        try:
            image = cv2.imdecode(data, flags)
        except cv2.error as error:
            raise _bad_encoding(self._message.format, str(error)) from error
        if image is None or image.shape[1::-1] != self.size:
            raise _bad_encoding(self._message.format, 'the data is damaged')
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _bad_encoding(format_: str, why: str) -> InputError:
    return InputError(
        'bad_encoding',
        f'the compressed image with format {format_!r} cannot be read ({why}); publish JPEG, PNG '
        f'or WebP',
    )
