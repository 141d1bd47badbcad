"""Image and CameraInfo messages to frames; what cannot be used is refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import logging

from cv_bridge import CvBridge
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vggt_ros.errors import InputError
from vggt_ros.mapping.frontend.frame import UndecodedFrame
from vggt_ros.ros.input.calibration import Calibration, CalibrationReader
from vggt_ros.ros.input.compressed_pixels import CompressedPixels
from vggt_ros.ros.input.message_pixels import MessagePixels
from vggt_ros.ros.input.tones import Tones
from vggt_ros.ros.middleware.frame_name import FrameName
from vggt_ros.ros.middleware.log_text import MAX_CHARACTERS, one_line
from vggt_ros.ros.middleware.stamps import ns_from_stamp

# A panorama has 8 to 1.
_MAX_ASPECT = 20

_log = logging.getLogger(__name__)


class ImageInput:
    """Turns the messages of one camera into frames and numbers them."""

    def __init__(
        self,
        camera: int,
        camera_frame: str,
        reader: CalibrationReader,
        ids: Iterator[int],
        tones: Tones | None = None,
        warn: Callable[[str], object] = _log.warning,
    ) -> None:
        """Remember the camera.

        Args:
            camera: Which camera.
            camera_frame: Name of its optical frame; empty takes it from each header.
            reader: Reads the calibration.
            ids: Numbers for the frames, increasing; shared by all cameras.
            tones: Reads values of 16 bits; None for one with all defaults.
            warn: Told, once, of a frame that is not named as tf2 names frames.
        """
        self._camera = camera
        self._camera_frame = camera_frame
        self._reader = reader
        self._ids = ids
        self._frame_name = FrameName('the images', warn)
        self._bridge = CvBridge()
        self._tones = Tones() if tones is None else tones

    def frame(self, message: Image | CompressedImage, info: CameraInfo | None) -> UndecodedFrame:
        """Return the message as a frame; its pixels are read when they are wanted.

        Args:
            message: The image.
            info: What the camera says about itself, None if nothing.

        Raises:
            InputError: `empty_image`, `bad_encoding`, `bad_step`, `bad_shape`, `too_large`,
                `stamp_zero`, `no_frame_id`, `bad_frame_id` or `bad_camera_info`.
        """
        stamp_ns = ns_from_stamp(message.header.stamp)
        if stamp_ns == 0:
            raise InputError(
                'stamp_zero',
                'the image has stamp 0; every output is stamped like its image, so the driver '
                'must fill header.stamp (with use_sim_time: /clock must run first)',
            )
        camera_frame = self._camera_frame or message.header.frame_id
        if not camera_frame.removeprefix('/'):
            raise InputError(
                'no_frame_id',
                'header.frame_id of the image is empty; let the driver fill it with the optical '
                'frame of the camera, or set frames.camera',
            )
        if one_line(camera_frame) != camera_frame:
            raise InputError(
                'bad_frame_id',
                f'header.frame_id has {len(camera_frame)} characters, at most {MAX_CHARACTERS} '
                f'printable ones are taken: {one_line(camera_frame)}; let the driver fill it with '
                f'the optical frame of the camera, or set frames.camera',
            )
        camera_frame = self._frame_name.of(camera_frame)
        pixels: MessagePixels | CompressedPixels
        if isinstance(message, CompressedImage):
            pixels = CompressedPixels(message, self._bridge, self._tones)
            size = pixels.size
        else:
            pixels = MessagePixels(self._bridge, message, self._tones)
            size = message.width, message.height
        _check_shape(*size)
        calibration = Calibration(K=None, rectifier=None)
        if info is not None:
            calibration = self._reader.read(info, *size)
        return UndecodedFrame(
            id=next(self._ids),
            stamp_ns=stamp_ns,
            camera_frame=camera_frame,
            size=size,
            read_rows=pixels.read_rows,
            K=calibration.K,
            camera=self._camera,
            rectifier=calibration.rectifier,
            num_bytes=len(message.data),
        )


def _check_shape(width: int, height: int) -> None:
    if max(width, height) > _MAX_ASPECT * min(width, height):
        raise InputError(
            'bad_shape',
            f'the image is {width} x {height} pixels, one side more than {_MAX_ASPECT} times the '
            f"other: no camera's; check width and height in the driver",
        )
