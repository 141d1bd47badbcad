"""CvBridge: ROS image messages to OpenCV images and back."""

from __future__ import annotations

import sys

import cv2
from cv_bridge.conversion import cvtColor2
from cv_bridge.cv_type import CV_MAT_CNWrap, CV_MAT_DEPTHWrap, DEPTHS, DTYPES, getCvType
from cv_bridge.encoding import height_of_rows, num_rows
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header


class CvBridgeError(TypeError):
    """An encoding is unknown, does not fit the image, or cannot be converted to."""


class CvBridge:
    """Converts between OpenCV images and ROS image messages.

    Attributes:
        cvtype_to_name: '8UC3' for cv2.CV_8UC3, for every depth with 1 to 4 channels.
        cvdepth_to_numpy_depth: 'uint8' for cv2.CV_8U, for every depth.
        numpy_type_to_cvtype: '8U' for 'uint8' and 'uint8' for '8U', for every depth.
    """

    def __init__(self) -> None:
        self.cvtype_to_name: dict[int, str] = {
            getattr(cv2, f'CV_{depth}C{channels}'): f'{depth}C{channels}'
            for depth in DEPTHS
            for channels in (1, 2, 3, 4)
        }
        self.cvdepth_to_numpy_depth: dict[int, str] = {
            getattr(cv2, f'CV_{depth}'): dtype.name
            for depth, dtype in zip(DEPTHS, DTYPES, strict=True)
        }
        self.numpy_type_to_cvtype: dict[str, str] = {}
        for depth, dtype in zip(DEPTHS, DTYPES, strict=True):
            self.numpy_type_to_cvtype[dtype.name] = depth
            self.numpy_type_to_cvtype[depth] = dtype.name

    def dtype_with_channels_to_cvtype2(self, dtype: np.dtype, n_channels: int) -> str:
        """Return OpenCV's name of a type, like '8UC3' for uint8 with 3 channels.

        Raises:
            KeyError: If OpenCV has no such depth.
        """
        return f'{self.numpy_type_to_cvtype[dtype.name]}C{n_channels}'

    def cvtype2_to_dtype_with_channels(self, cvtype: int) -> tuple[str, int]:
        """Return NumPy's name of the depth and the number of channels of an OpenCV type."""
        return self.cvdepth_to_numpy_depth[CV_MAT_DEPTHWrap(cvtype)], CV_MAT_CNWrap(cvtype)

    def encoding_to_cvtype2(self, encoding: str) -> int:
        """Return OpenCV's type for an encoding, like cv2.CV_8UC3 for 'rgb8'.

        Raises:
            CvBridgeError: If the encoding is unknown.
        """
        try:
            return getCvType(encoding)
        except RuntimeError as error:
            raise CvBridgeError(error) from error

    def encoding_to_dtype_with_channels(self, encoding: str) -> tuple[str, int]:
        """Return NumPy's name of the depth and the number of channels of an encoding.

        Raises:
            CvBridgeError: If the encoding is unknown.
        """
        return self.cvtype2_to_dtype_with_channels(self.encoding_to_cvtype2(encoding))

    def compressed_imgmsg_to_cv2(
        self, cmprs_img_msg: CompressedImage, desired_encoding: str = 'passthrough'
    ) -> np.ndarray | None:
        """Return the image in a compressed message.

        Args:
            cmprs_img_msg: The message; what counts is its data, not its format.
            desired_encoding: 'passthrough' for the image as it was stored, or an encoding to
                which it is converted. It then counts as bgr8, whatever it is.

        Returns:
            (H, W) for one channel, otherwise (H, W, C) in the order BGR or BGRA. None if OpenCV
            cannot read the data.

        Raises:
            CvBridgeError: If the image cannot be converted.
            cv2.error: If there are no data.
        """
        data = cmprs_img_msg.data
        encoded = np.ndarray(shape=(1, len(data)), dtype=np.uint8, buffer=data)
        image = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
        if desired_encoding == 'passthrough':
            return image
        return _converted(image, 'bgr8', desired_encoding)

    def imgmsg_to_cv2(
        self, img_msg: Image, desired_encoding: str = 'passthrough'
    ) -> np.ndarray | None:
        """Return the image in a message.

        Args:
            img_msg: The message. Bytes at the end of its rows are ignored.
            desired_encoding: 'passthrough' for the image as it is, or an encoding to which it is
                converted.

        Returns:
            (H, W) for one channel, otherwise (H, W, C), in the byte order of this machine; the
            planes of nv12, nv21 and nv24 lie below each other, (3 H / 2, W) or (3 H, W). With
            'passthrough' it shares the message's memory where it can. A message whose rows are
            shorter than its width gives a narrower image.

        Raises:
            CvBridgeError: If an encoding is unknown or the image cannot be converted.
            TypeError: If the data are shorter than height * step.
        """
        dtype_name, num_channels = self.encoding_to_dtype_with_channels(img_msg.encoding)
        dtype = np.dtype(dtype_name).newbyteorder('>' if img_msg.is_bigendian else '<')
        data = img_msg.data
        if isinstance(data, list):
            data = np.asarray(data, dtype=np.uint8)
        rows = num_rows(img_msg.encoding, img_msg.height)
        shape = (rows, img_msg.step // (dtype.itemsize * num_channels))
        if num_channels > 1:
            shape = (*shape, num_channels)
        whole_rows = np.ndarray(shape=shape, dtype=dtype, buffer=data)
        image = np.ascontiguousarray(whole_rows[:, : img_msg.width])
        if not dtype.isnative:
            image = image.astype(dtype.newbyteorder('='))
        if desired_encoding == 'passthrough':
            return image
        return _converted(image, img_msg.encoding, desired_encoding)

    def cv2_to_compressed_imgmsg(
        self, cvim: np.ndarray, dst_format: str = 'jpg'
    ) -> CompressedImage:
        """Return a message with an image compressed.

        Args:
            cvim: (H, W), or (H, W, C) in the order BGR or BGRA.
            dst_format: The file format, as OpenCV's name of its ending: 'jpg', 'png', 'tiff', ...

        Raises:
            TypeError: If `cvim` is no array.
            cv2.error: If OpenCV cannot write the image in this format.
        """
        if not isinstance(cvim, np.ndarray | np.generic):
            raise TypeError('Your input type is not a numpy array')
        message = CompressedImage(format=dst_format)
        _, encoded = cv2.imencode(f'.{dst_format}', cvim)
        message.data.frombytes(encoded)
        return message

    def cv2_to_imgmsg(
        self, cvim: np.ndarray, encoding: str = 'passthrough', header: Header | None = None
    ) -> Image:
        """Return a message with an image.

        Args:
            cvim: (H, W) or (H, W, C) image, in any byte order; planes lie below each other.
            encoding: What the channels mean, like 'rgb8'; 'passthrough' for a type without
                meaning, like '8UC3'.
            header: The message's header.

        Raises:
            CvBridgeError: If the encoding is unknown, or means another type than the image has.
            TypeError: If `cvim` is no array.
            KeyError: If OpenCV has no images of this type, or the encoding has more than 4
                channels.
            ZeroDivisionError: If the image has no rows.
        """
        if not isinstance(cvim, np.ndarray | np.generic):
            raise TypeError('Your input type is not a numpy array')
        message = Image(height=cvim.shape[0], width=cvim.shape[1])
        if header is not None:
            message.header = header
        num_channels = 1 if cvim.ndim < 3 else cvim.shape[2]
        image_type = self.dtype_with_channels_to_cvtype2(cvim.dtype, num_channels)
        if encoding == 'passthrough':
            message.encoding = image_type
        else:
            if self.cvtype_to_name[self.encoding_to_cvtype2(encoding)] != image_type:
                raise CvBridgeError(
                    f'encoding specified as {encoding}, '
                    f'but image has incompatible type {image_type}'
                )
            message.encoding = encoding
        is_foreign = not cvim.dtype.isnative
        message.is_bigendian = int(is_foreign == (sys.byteorder == 'little'))
        # The array of bytes is filled in place: assigning to it would look at every element.
        message.data.frombytes(np.ascontiguousarray(cvim).reshape(-1).view(np.uint8))
        message.step = len(message.data) // message.height
        message.height = height_of_rows(message.encoding, message.height)
        return message


def _converted(image: np.ndarray | None, encoding_in: str, encoding_out: str) -> np.ndarray | None:
    try:
        return cvtColor2(image, encoding_in, encoding_out)
    except RuntimeError as error:
        raise CvBridgeError(error) from error
