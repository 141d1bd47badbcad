"""The pixels of an Image message, decoded as late and as little as possible."""

from __future__ import annotations

from cv_bridge import CvBridge, CvBridgeError
from jaxtyping import UInt8
import numpy as np
from sensor_msgs.msg import Image

from vggt_ros.errors import InputError
from vggt_ros.ros.payload import fill

_REMEDY = 'publish rgb8, bgr8, mono8, mono16, a bayer or a yuv422 encoding'


class MessagePixels:
    """Reads rows of an Image message as RGB."""

    def __init__(self, bridge: CvBridge, message: Image) -> None:
        """Check what can be checked without decoding.

        Args:
            bridge: Knows the encodings.
            message: The image; it must not change any more.

        Raises:
            InputError: `empty_image`, `bad_encoding` or `bad_step`.
        """
        if message.width == 0 or message.height == 0 or len(message.data) == 0:
            raise InputError(
                'empty_image',
                f'the image is {message.width} x {message.height} with {len(message.data)} bytes '
                'of data; the driver must fill width, height and data',
            )
        try:
            dtype, channels = bridge.encoding_to_dtype_with_channels(message.encoding)
        except (CvBridgeError, KeyError, RuntimeError) as error:
            raise _bad_encoding(message.encoding, error) from error
        self._bridge = bridge
        self._message = message
        self._row_bytes = message.width * np.dtype(dtype).itemsize * int(channels)
        self._image: UInt8[np.ndarray, 'H W 3'] | None = None
        self._check_rows()

    def read_rows(self, rows: slice) -> UInt8[np.ndarray, 'n W 3']:
        """Return the rows that a slice names; all of them are remembered.

        Raises:
            InputError: `bad_encoding`: it is no picture.
        """
        message = self._message
        is_all = rows == slice(0, message.height)
        # The colours of a bayer pixel come from its neighbours above and below.
        if self._image is None and (is_all or message.encoding.startswith('bayer')):
            self._image = self._decoded(slice(0, message.height))
        return self._decoded(rows) if self._image is None else self._image[rows]

    def _decoded(self, rows: slice) -> UInt8[np.ndarray, 'n W 3']:
        message = self._packed(rows)
        try:
            image = self._bridge.imgmsg_to_cv2(message, desired_encoding='rgb8')
        except (CvBridgeError, RuntimeError, TypeError, ValueError) as error:
            raise _bad_encoding(message.encoding, error) from error
        return np.ascontiguousarray(image, dtype=np.uint8)

    def _packed(self, rows: slice) -> Image:
        """Return a message of these rows alone, without padding."""
        message = self._message
        if message.step == self._row_bytes and rows == slice(0, message.height):
            return message
        # cv_bridge counts padding in pixels; cameras pad rows to 4 or 8 bytes.
        data = np.frombuffer(message.data, dtype=np.uint8).reshape(message.height, message.step)
        chosen = data[rows, : self._row_bytes]
        packed = Image(
            header=message.header,
            height=len(chosen),
            width=message.width,
            encoding=message.encoding,
            is_bigendian=message.is_bigendian,
            step=self._row_bytes,
        )
        fill(packed.data, chosen)
        return packed

    def _check_rows(self) -> None:
        message = self._message
        if message.step < self._row_bytes:
            raise InputError(
                'bad_step',
                f'step is {message.step} bytes; a row of {message.width} pixels in '
                f'{message.encoding} has {self._row_bytes}: the driver must set step to match',
            )
        if len(message.data) != message.step * message.height:
            raise InputError(
                'bad_step',
                f'data has {len(message.data)} bytes; {message.height} rows of step '
                f'{message.step} have {message.step * message.height}: the driver must fill all '
                f'rows',
            )


def _bad_encoding(encoding: str, error: Exception) -> InputError:
    return InputError(
        'bad_encoding', f'encoding {encoding!r} cannot be turned into rgb8 ({error}); {_REMEDY}'
    )
