"""A video file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import logging
import math
from pathlib import Path

import cv2
from jaxtyping import UInt8
import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.sources.source import check_num_frames, check_rate, SourceFrame, stamp_ns_at

_log = logging.getLogger(__name__)

_DEFAULT_RATE_HZ = 30.0
_MAX_RATE_HZ = 1000.0


class Video:
    """The frames of a video file, evenly spaced in time.

    Args:
        path: The file, in any format OpenCV's build decodes.
        rate_hz: Frames a second, None for the file's own rate (30 if it names none).
        num_frames: Stop after so many, None for all.

    Raises:
        SourceError: The file is missing, is not a video, or not one frame of it can be decoded.
        ConfigError: The rate or the number of frames is out of range.
    """

    def __init__(
        self, path: Path, *, rate_hz: float | None = None, num_frames: int | None = None
    ) -> None:
        if rate_hz is not None:
            check_rate(rate_hz)
        check_num_frames(num_frames)
        self._path = path
        self._limit = num_frames
        with _opened(path) as capture:
            self._rate_hz = rate_hz or _rate_in_header(capture)
            self._num_in_header = _count_in_header(capture)
            _first_image(capture, path)

    @property
    def num_frames(self) -> int | None:
        """How many frames the header promises, at most the limit; None if it does not say."""
        if self._num_in_header is None or self._limit is None:
            return self._num_in_header
        return min(self._num_in_header, self._limit)

    @property
    def rate_hz(self) -> float:
        """Frames a second."""
        return self._rate_hz

    def __iter__(self) -> Iterator[SourceFrame]:
        """Decode the frames one at a time; a file that ends early is logged as a warning.

        Raises:
            SourceError: The file is gone, or not one frame of it can be decoded any more.
        """
        with _opened(self._path) as capture:
            image: UInt8[np.ndarray, 'H W 3'] | None = _first_image(capture, self._path)
            index = 0
            while image is not None:
                yield SourceFrame(image=image, stamp_ns=stamp_ns_at(index, self._rate_hz))
                index += 1
                if index == self._limit:
                    return
                image = _next_image(capture)
        if self.num_frames is not None and index < self.num_frames:
            _log.warning(
                '%s ended after %d of the %d frames its header promises; the file is damaged or '
                'cut short if the difference is more than a few',
                self._path,
                index,
                self.num_frames,
            )


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    if not path.is_file():
        raise SourceError(f'there is no video file {path}; check the name')
    # Absolute, because OpenCV takes some bare names for cameras.
    capture = cv2.VideoCapture(str(path.absolute()))
    try:
        if not capture.isOpened():
            raise SourceError(
                f'{path} ({path.stat().st_size} bytes) cannot be opened as a video: it is '
                'damaged, or its format is not one that this build of OpenCV reads; convert it '
                'to mp4 (H.264) or give a folder of images'
            )
        yield capture
    finally:
        capture.release()


def _first_image(capture: cv2.VideoCapture, path: Path) -> UInt8[np.ndarray, 'H W 3']:
    image = _next_image(capture)
    if image is None:
        raise SourceError(
            f'not one frame of the video {path} can be decoded: it is empty, cut short, or its '
            'codec is not one that this build of OpenCV reads; convert it to mp4 (H.264) or '
            'give a folder of images'
        )
    return image


def _next_image(capture: cv2.VideoCapture) -> UInt8[np.ndarray, 'H W 3'] | None:
    is_decoded, bgr = capture.read()
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB) if is_decoded else None


def _rate_in_header(capture: cv2.VideoCapture) -> float:
    rate_hz = float(capture.get(cv2.CAP_PROP_FPS))
    # Headers without a rate read as zero, not-a-number or the container's clock (90000).
    is_plausible = math.isfinite(rate_hz) and 0.0 < rate_hz <= _MAX_RATE_HZ
    return rate_hz if is_plausible else _DEFAULT_RATE_HZ


def _count_in_header(capture: cv2.VideoCapture) -> int | None:
    count = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return int(count) if math.isfinite(count) and count >= 1.0 else None
