"""Image and CameraInfo messages to frames; what cannot be used is refused with a reason."""

from __future__ import annotations

from cv_bridge import CvBridge, CvBridgeError
from jaxtyping import Float, UInt8
import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from vggt_ros.errors import InputError
from vggt_ros.mapping.frame import Frame
from vggt_ros.ros.payload import fill
from vggt_ros.ros.stamps import ns_from_stamp

_REMEDY = 'publish rgb8, bgr8, mono8, mono16, a bayer or a yuv422 encoding'


class ImageInput:
    """Turns messages into frames and numbers them."""

    def __init__(self, camera_frame: str) -> None:
        """Start numbering at zero.

        Args:
            camera_frame: Name of the camera's optical frame; empty takes it from each header.
        """
        self._camera_frame = camera_frame
        self._bridge = CvBridge()
        self._next_id = 0

    def frame(self, message: Image, calibration: CameraInfo | None) -> Frame:
        """Return the message as a frame.

        Args:
            message: The image.
            calibration: What the camera says about itself, None if nothing.

        Raises:
            InputError: `empty_image`, `bad_encoding`, `bad_step`, `stamp_zero`, `no_frame_id`
                or `bad_camera_info`.
        """
        stamp_ns = ns_from_stamp(message.header.stamp)
        if stamp_ns == 0:
            raise InputError(
                'stamp_zero',
                'the image has stamp 0; every output is stamped like its image, so the driver '
                'must fill header.stamp (with use_sim_time: /clock must run first)',
            )
        camera_frame = self._camera_frame or message.header.frame_id
        if not camera_frame:
            raise InputError(
                'no_frame_id',
                'header.frame_id of the image is empty; let the driver fill it with the optical '
                'frame of the camera, or set frames.camera',
            )
        image = self._pixels(message)
        K = None
        if calibration is not None:
            K = calibrated_K(calibration, message.width, message.height)
        frame_id = self._next_id
        self._next_id += 1
        return Frame(id=frame_id, stamp_ns=stamp_ns, camera_frame=camera_frame, image=image, K=K)

    def _pixels(self, message: Image) -> UInt8[np.ndarray, 'H W 3']:
        if message.width == 0 or message.height == 0 or len(message.data) == 0:
            raise InputError(
                'empty_image',
                f'the image is {message.width} x {message.height} with {len(message.data)} bytes '
                'of data; the driver must fill width, height and data',
            )
        try:
            dtype, channels = self._bridge.encoding_to_dtype_with_channels(message.encoding)
        except (CvBridgeError, KeyError, RuntimeError) as error:
            raise _bad_encoding(message.encoding, error) from error
        message = _packed(message, np.dtype(dtype).itemsize * int(channels))
        try:
            image = self._bridge.imgmsg_to_cv2(message, desired_encoding='rgb8')
        except (CvBridgeError, RuntimeError, TypeError, ValueError) as error:
            raise _bad_encoding(message.encoding, error) from error
        return np.ascontiguousarray(image, dtype=np.uint8)


def calibrated_K(
    info: CameraInfo, image_width: int, image_height: int
) -> Float[np.ndarray, '3 3'] | None:
    """Return the (3, 3) intrinsics of an image, None if the camera says it is not calibrated.

    The calibration is that of the full sensor; a region of interest and binning are applied.

    Args:
        info: As the driver publishes it; all entries of K are 0 for a camera not calibrated.
        image_width: Width of the image, pixels.
        image_height: Height of the image, pixels.

    Raises:
        InputError: `bad_camera_info`: not finite, no positive focal length, or the calibration
            of an image of another size.
    """
    K = np.array(info.k, dtype=np.float64).reshape(3, 3)
    if not K.any():
        return None
    if not np.isfinite(K).all():
        raise _bad_camera_info(f'k is {K.ravel().tolist()}, not finite')
    if K[0, 0] <= 0.0 or K[1, 1] <= 0.0:
        raise _bad_camera_info(f'the focal lengths are {K[0, 0]:g} and {K[1, 1]:g} px, not > 0')
    width = info.roi.width or info.width
    height = info.roi.height or info.height
    binning = np.array([max(info.binning_x, 1), max(info.binning_y, 1)])
    described = (width // int(binning[0]), height // int(binning[1]))
    if described != (image_width, image_height):
        raise _bad_camera_info(
            f'it describes images of {described[0]} x {described[1]}, '
            f'the image is {image_width} x {image_height}'
        )
    K[:2, 2] -= (info.roi.x_offset, info.roi.y_offset)
    K[:2] /= binning[:, None]
    return K


def _packed(message: Image, bytes_per_pixel: int) -> Image:
    """Check the rows; return the message with rows that cv_bridge can read."""
    needed = message.width * bytes_per_pixel
    if message.step < needed:
        raise InputError(
            'bad_step',
            f'step is {message.step} bytes; a row of {message.width} pixels in '
            f'{message.encoding} has {needed}: the driver must set step to match',
        )
    if len(message.data) != message.step * message.height:
        raise InputError(
            'bad_step',
            f'data has {len(message.data)} bytes; {message.height} rows of step {message.step} '
            f'have {message.step * message.height}: the driver must fill all rows',
        )
    if message.step % bytes_per_pixel == 0:
        return message
    # cv_bridge counts padding in pixels; cameras pad rows to 4 or 8 bytes.
    rows = np.frombuffer(message.data, dtype=np.uint8).reshape(message.height, message.step)
    packed = Image(
        header=message.header,
        height=message.height,
        width=message.width,
        encoding=message.encoding,
        is_bigendian=message.is_bigendian,
        step=needed,
    )
    fill(packed.data, rows[:, :needed])
    return packed


def _bad_encoding(encoding: str, error: Exception) -> InputError:
    return InputError(
        'bad_encoding', f'encoding {encoding!r} cannot be turned into rgb8 ({error}); {_REMEDY}'
    )


def _bad_camera_info(message: str) -> InputError:
    return InputError(
        'bad_camera_info',
        f'camera_info cannot be used: {message}; calibrate the camera or set '
        'input.use_camera_info to false',
    )
