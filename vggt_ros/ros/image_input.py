"""Image and CameraInfo messages to frames; what cannot be used is refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import logging

from cv_bridge import CvBridge
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vggt_ros.errors import InputError
from vggt_ros.mapping.frame import UndecodedFrame
from vggt_ros.ros.calibration import Calibration, CalibrationReader
from vggt_ros.ros.compressed_pixels import CompressedPixels
from vggt_ros.ros.message_pixels import MessagePixels
from vggt_ros.ros.stamps import ns_from_stamp

_log = logging.getLogger(__name__)


class ImageInput:
    """Turns the messages of one camera into frames and numbers them."""

    def __init__(
        self,
        camera: int,
        camera_frame: str,
        reader: CalibrationReader,
        ids: Iterator[int],
        warn: Callable[[str], object] = _log.warning,
    ) -> None:
        """Remember the camera.

        Args:
            camera: Which camera.
            camera_frame: Name of its optical frame; empty takes it from each header.
            reader: Reads the calibration.
            ids: Numbers for the frames, increasing; shared by all cameras.
            warn: Told, once, of a frame that is not named as tf2 names frames.
        """
        self._camera = camera
        self._camera_frame = camera_frame
        self._reader = reader
        self._ids = ids
        self._warn = warn
        self._has_warned = False
        self._bridge = CvBridge()

    def frame(self, message: Image | CompressedImage, info: CameraInfo | None) -> UndecodedFrame:
        """Return the message as a frame; its pixels are read when somebody wants them.

        Args:
            message: The image.
            info: What the camera says about itself, None if nothing.

        Raises:
            InputError: `empty_image`, `bad_encoding`, `bad_step`, `too_large`, `stamp_zero`,
                `no_frame_id` or `bad_camera_info`.
        """
        stamp_ns = ns_from_stamp(message.header.stamp)
        if stamp_ns == 0:
            raise InputError(
                'stamp_zero',
                'the image has stamp 0; every output is stamped like its image, so the driver '
                'must fill header.stamp (with use_sim_time: /clock must run first)',
            )
        camera_frame = self._camera_frame or self._without_slash(message.header.frame_id)
        if not camera_frame:
            raise InputError(
                'no_frame_id',
                'header.frame_id of the image is empty; let the driver fill it with the optical '
                'frame of the camera, or set frames.camera',
            )
        pixels: MessagePixels | CompressedPixels
        if isinstance(message, CompressedImage):
            pixels = CompressedPixels(message)
            size = pixels.size
        else:
            pixels = MessagePixels(self._bridge, message)
            size = message.width, message.height
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
        )

    def _without_slash(self, frame_id: str) -> str:
        """Return a frame's name as tf2 knows it."""
        name = frame_id.removeprefix('/')
        if name != frame_id and not self._has_warned:
            self._has_warned = True
            self._warn(
                f'header.frame_id of the images is {frame_id!r}; names of frames have no leading '
                f'slash in tf2: {name!r} is used'
            )
        return name
