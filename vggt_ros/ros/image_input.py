"""Image and CameraInfo messages to frames; what cannot be used is refused with a reason."""

from __future__ import annotations

from cv_bridge import CvBridge
from jaxtyping import Float
import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from vggt_ros.errors import InputError
from vggt_ros.mapping.frame import UndecodedFrame
from vggt_ros.ros.message_pixels import MessagePixels
from vggt_ros.ros.stamps import ns_from_stamp


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

    def frame(self, message: Image, calibration: CameraInfo | None) -> UndecodedFrame:
        """Return the message as a frame; its pixels are read when somebody wants them.

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
        pixels = MessagePixels(self._bridge, message)
        K = None
        if calibration is not None:
            K = calibrated_K(calibration, message.width, message.height)
        frame_id = self._next_id
        self._next_id += 1
        return UndecodedFrame(
            id=frame_id,
            stamp_ns=stamp_ns,
            camera_frame=camera_frame,
            size=(message.width, message.height),
            read_rows=pixels.read_rows,
            K=K,
        )


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


def _bad_camera_info(message: str) -> InputError:
    return InputError(
        'bad_camera_info',
        f'camera_info cannot be used: {message}; calibrate the camera or set '
        'input.use_camera_info to false',
    )
