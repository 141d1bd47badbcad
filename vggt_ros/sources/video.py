"""Video files: frames by the times of their container."""

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
from vggt_ros.sources.frame_picker import FrameChoice, FramePicker
from vggt_ros.sources.source import check_num_frames, check_rate, SourceFrame, stamp_ns_at

_log = logging.getLogger(__name__)

_DEFAULT_RATE_HZ = 30.0
_MAX_RATE_HZ = 1000.0
_NS_PER_MS = 1_000_000


class Video:
    """The frames of a video file; a `Recording`.

    Stamps are the container's, from 0 at the first frame: phones take frames when there is light
    enough, not evenly. A file whose frames have no times that increase is taken as even.

    Args:
        path: The file, in any format OpenCV's build decodes.
        rate_hz: Frames a second, whatever the container says; None for the container's times.
        num_frames: Stop after so many, None for all.

    Attributes:
        name: Of the file.
        has_time: Whether stamps are the container's; else they count the frames.
        size: Width and height, pixels.
        drops: Frames of the iterations so far that could not be decoded.

    Raises:
        SourceError: The file is missing, is not a video, or not one frame of it can be decoded.
        ConfigError: The rate or the number of frames is out of range.
    """

    layout = 'video'
    cameras = ('camera',)
    stamps_ns = None
    world_from_cam = None
    truth = ''
    K = None
    num_depths = 0
    notes = ('a video carries no time of day: stamps count from its first frame',)

    def __init__(
        self, path: Path, *, rate_hz: float | None = None, num_frames: int | None = None
    ) -> None:
        if rate_hz is not None:
            check_rate(rate_hz)
        check_num_frames(num_frames)
        self.name = path.name
        self.drops: dict[str, int] = {}
        self._path = path
        self._limit = num_frames
        with _opened(path) as capture:
            self._rate_hz = rate_hz or _rate_in_header(capture)
            self._num_in_header = _count_in_header(capture)
            image = _first_image(capture, path)
            self.size = image.shape[1], image.shape[0]
            self.has_time = rate_hz is None and _times_increase(capture)

    @property
    def num_frames(self) -> int | None:
        """How many frames the header promises, at most the limit; None if it does not say."""
        if self._num_in_header is None or self._limit is None:
            return self._num_in_header
        return min(self._num_in_header, self._limit)

    @property
    def rate_hz(self) -> float:
        """Frames a second; on average, as the header says, where the container has times."""
        return self._rate_hz

    def __iter__(self) -> Iterator[SourceFrame]:
        """Decode the frames one at a time; a file that ends early is logged as a warning.

        Raises:
            SourceError: The file is gone, or not one frame of it can be decoded any more.
        """
        return self.frames(FrameChoice().picker())

    def frames(self, picker: FramePicker) -> Iterator[SourceFrame]:
        """Decode the frames that are picked; see `__iter__`."""
        clock, index = _Clock(self._rate_hz, has_times=self.has_time), 0
        with _opened(self._path) as capture:
            while index != self._limit and not picker.is_done and capture.grab():
                stamp_ns = clock.stamp_ns(capture)
                index += 1
                if picker.takes(stamp_ns):
                    is_decoded, bgr = capture.retrieve()
                    if not is_decoded:
                        self.drops['not_decoded'] = self.drops.get('not_decoded', 0) + 1
                        continue
                    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
                    yield SourceFrame(image=rgb, stamp_ns=stamp_ns)
        if index == 0:
            raise _not_decodable(self._path)
        is_cut = self.num_frames is not None and index < self.num_frames
        if is_cut and not picker.is_done:
            _log.warning(
                '%s ended after %d of the %d frames its header promises; the file is damaged or '
                'cut short if the difference is more than a few',
                self._path,
                index,
                self.num_frames,
            )


class _Clock:
    """Stamps the frames of one pass."""

    def __init__(self, rate_hz: float, *, has_times: bool) -> None:
        self._rate_hz = rate_hz
        self._has_times = has_times
        self._num_frames = 0
        self._first_ms = 0.0
        self._last_ns = 0

    def stamp_ns(self, capture: cv2.VideoCapture) -> int:
        """Return the stamp of the next frame, which was just taken off the container."""
        index, self._num_frames = self._num_frames, self._num_frames + 1
        if not self._has_times:
            return stamp_ns_at(index, self._rate_hz)
        if index == 0:
            self._first_ms = _time_ms(capture)
            return 0
        stamp_ns = round((_time_ms(capture) - self._first_ms) * _NS_PER_MS)
        if stamp_ns <= self._last_ns:  # a jump within the container
            stamp_ns = self._last_ns + stamp_ns_at(1, self._rate_hz)
        self._last_ns = stamp_ns
        return stamp_ns


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
    is_decoded, bgr = capture.read()
    if not is_decoded:
        raise _not_decodable(path)
    return np.asarray(bgr)


def _not_decodable(path: Path) -> SourceError:
    return SourceError(
        f'not one frame of the video {path} can be decoded: it is empty, cut short, or its codec '
        'is not one that this build of OpenCV reads; convert it to mp4 (H.264) or give a folder '
        'of images'
    )


def _times_increase(capture: cv2.VideoCapture) -> bool:
    """Return whether the container times the second frame after the first, which is in hand."""
    first_ms = _time_ms(capture)
    return capture.grab() and _time_ms(capture) > first_ms >= 0.0


def _time_ms(capture: cv2.VideoCapture) -> float:
    time_ms = float(capture.get(cv2.CAP_PROP_POS_MSEC))
    return time_ms if math.isfinite(time_ms) else -1.0


def _rate_in_header(capture: cv2.VideoCapture) -> float:
    rate_hz = float(capture.get(cv2.CAP_PROP_FPS))
    # Headers without a rate read as zero, not-a-number or the container's clock (90000).
    is_plausible = math.isfinite(rate_hz) and 0.0 < rate_hz <= _MAX_RATE_HZ
    return rate_hz if is_plausible else _DEFAULT_RATE_HZ


def _count_in_header(capture: cv2.VideoCapture) -> int | None:
    count = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return int(count) if math.isfinite(count) and count >= 1.0 else None
