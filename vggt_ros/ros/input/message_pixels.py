"""The pixels of an Image message, decoded as late and as little as possible."""

from __future__ import annotations

import re
from typing import Any

import cv2
from cv_bridge import CvBridge, CvBridgeError
from jaxtyping import UInt8
import numpy as np
from sensor_msgs.msg import Image

from vggt_ros.errors import InputError
from vggt_ros.ros.input.tones import Tones
from vggt_ros.ros.middleware.log_text import one_line
from vggt_ros.ros.middleware.payload import fill

_REMEDY = 'publish rgb8, bgr8, mono8, mono16, nv12, a bayer or a yuv422 encoding'
# Drivers use names that not every cv_bridge knows.
_SAME_AS = {'uyvy': 'yuv422', 'yuyv': 'yuv422_yuy2'}
# Brightness of all pixels, then colors of every second one: not an image of rows to cv_bridge.
_PLANAR = {'nv12': cv2.COLOR_YUV2RGB_NV12, 'nv21': cv2.COLOR_YUV2RGB_NV21}
_ALL = slice(None)
# A few bytes can claim to be a picture that fills the memory.
_MAX_PIXELS = 50_000_000
# A type of numbers that does not say what they are of.
_WITHOUT_MEANING = re.compile(r'(8|16|32|64)[USF]C?1?')


class MessagePixels:
    """Reads rows of an Image message as RGB."""

    def __init__(self, bridge: CvBridge, message: Image, tones: Tones | None = None) -> None:
        """Check what can be checked without decoding.

        Args:
            bridge: Knows the encodings.
            message: The image; it must not change any more.
            tones: Reads values of 16 bits; None for one of its own.

        Raises:
            InputError: `empty_image`, `too_large`, `bad_encoding` or `bad_step`.
        """
        if message.width == 0 or message.height == 0 or len(message.data) == 0:
            raise InputError(
                'empty_image',
                f'the image is {message.width} x {message.height} with {len(message.data)} bytes '
                'of data; the driver must fill width, height and data',
            )
        check_size(message.width, message.height)
        self._tones = Tones() if tones is None else tones
        check_meaning(message.encoding, self._tones)
        self._encoding = _SAME_AS.get(message.encoding, message.encoding)
        self._planar = _PLANAR.get(message.encoding.lower())
        dtype: Any
        channels: int
        try:
            if self._planar is not None:
                dtype, channels = np.uint8, 1
            else:
                dtype, channels = bridge.encoding_to_dtype_with_channels(self._encoding)
        except (CvBridgeError, KeyError, RuntimeError) as error:
            raise _bad_encoding(message.encoding, error) from error
        self._bridge = bridge
        self._message = message
        # Little or big end first: cv_bridge gets those of this machine.
        order = '>' if message.is_bigendian else '<'
        self._values = np.dtype(f'{order}u2') if np.dtype(dtype) == np.uint16 else None
        self._row_bytes = message.width * np.dtype(dtype).itemsize * int(channels)
        self._num_rows = message.height
        if self._planar is not None:
            if message.width % 2 or message.height % 2:
                raise _bad_encoding(
                    message.encoding,
                    f'width and height must be even, not {message.width} x {message.height}',
                )
            self._num_rows = message.height * 3 // 2
        self._image: UInt8[np.ndarray, 'H W 3'] | None = None
        self._check_rows()

    def read_rows(self, rows: slice) -> UInt8[np.ndarray, 'n W 3']:
        """Return the rows that a slice names; all of them are remembered.

        Raises:
            InputError: `bad_encoding`: it is no picture.
        """
        message = self._message
        is_all = rows == slice(0, message.height)
        # The colors of a bayer pixel come from its neighbors above and below.
        is_whole = message.encoding.startswith('bayer') or self._planar is not None
        if self._image is None and (is_all or is_whole):
            self._image = self._decoded(slice(0, message.height))
        return self._decoded(rows) if self._image is None else self._image[rows]

    def _decoded(self, rows: slice) -> UInt8[np.ndarray, 'n W 3']:
        if self._planar is not None:
            data = np.frombuffer(self._message.data, dtype=np.uint8)
            planes = data.reshape(self._num_rows, self._message.step)[:, : self._row_bytes]
            return np.asarray(cv2.cvtColor(np.ascontiguousarray(planes), self._planar))
        message = self._message
        try:
            if self._tones.takes(message.encoding):
                gray = self._tones.gray(self._numbers(rows), self._numbers(_ALL))
                return np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB))
            image = self._bridge.imgmsg_to_cv2(self._packed(rows), desired_encoding='rgb8')
        except (CvBridgeError, RuntimeError, TypeError, ValueError) as error:
            raise _bad_encoding(message.encoding, error) from error
        return np.ascontiguousarray(image, dtype=np.uint8)

    def _packed(self, rows: slice) -> Image:
        """Return a message of these rows alone, without padding, values of 16 bits over all."""
        message = self._message
        is_all = rows == slice(0, message.height)
        is_known = self._encoding == message.encoding
        is_packed = message.step == self._row_bytes
        if is_packed and is_all and is_known and self._values is None:
            return message
        chosen = self._numbers(rows)
        if self._values is not None:
            chosen = self._tones.full_range(chosen, self._numbers(_ALL)).astype('<u2')
        packed = Image(
            header=message.header,
            height=len(chosen),
            width=message.width,
            encoding=self._encoding,
            is_bigendian=0,
            step=self._row_bytes,
        )
        fill(packed.data, chosen)
        return packed

    def _numbers(self, rows: slice) -> np.ndarray:
        """Return rows as (n, W * C) values of 8 or, in the order of this machine, 16 bits."""
        message = self._message
        data = np.frombuffer(message.data, dtype=np.uint8).reshape(-1, message.step)
        # cv_bridge counts padding in pixels; cameras pad rows to 4 or 8 bytes.
        chosen = data[rows, : self._row_bytes]
        if self._values is None:
            return chosen
        return np.ascontiguousarray(chosen).view(self._values).astype(np.uint16)

    def _check_rows(self) -> None:
        message = self._message
        if message.step < self._row_bytes:
            raise InputError(
                'bad_step',
                f'step is {message.step} bytes; a row of {message.width} pixels in '
                f'{one_line(message.encoding)} has {self._row_bytes}: the driver must set step to '
                f'match',
            )
        num_bytes = message.step * self._num_rows
        if len(message.data) != num_bytes:
            raise InputError(
                'bad_step',
                f'data has {len(message.data)} bytes; {self._num_rows} rows of step '
                f'{message.step} have {num_bytes}: the driver must fill all rows',
            )


def check_size(width: int, height: int) -> None:
    """Refuse an image that would fill the memory.

    Raises:
        InputError: `too_large`.
    """
    if width * height > _MAX_PIXELS:
        raise InputError(
            'too_large',
            f'the image claims to be {width} x {height}, more than {_MAX_PIXELS} pixels; let the '
            f'driver publish smaller ones',
        )


def check_meaning(encoding: str, tones: Tones, where: str = '') -> None:
    """Refuse an image of one channel of which nothing says what its numbers mean.

    Args:
        encoding: As in Image messages.
        tones: Knows whether such numbers are to be taken for gray.
        where: Where the encoding stands, if not in the field of that name.

    Raises:
        InputError: `bad_encoding`.
    """
    if _WITHOUT_MEANING.fullmatch(encoding) and not tones.takes(encoding):
        raise InputError(
            'bad_encoding',
            f'encoding {encoding!r}{where} does not say what the numbers are: depth belongs on '
            f'the topic depth; for gray images (infrared, thermal) in 8UC1 or 16UC1 set '
            f'input.generic_as_gray to true; {_REMEDY}',
        )


def _bad_encoding(encoding: str, error: object) -> InputError:
    why = one_line(str(error))
    return InputError(
        'bad_encoding',
        f'encoding {one_line(encoding)!r} cannot be turned into rgb8 ({why}); {_REMEDY}',
    )
