"""Frame picker: the part of a recording that is wanted, decided before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
import math

from vggt_ros.errors import ConfigError

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameChoice:
    """A part of a recording.

    Attributes:
        start_s: Seconds after the first frame from which on frames are taken.
        stop_s: Seconds after the first frame at which it ends; None for all.
        every: Take every n-th frame of each camera.
        fps: Take at most so many frames a second of each camera; None for all.
        skip_frames: Leave out so many of the frames of each camera that would be taken first.
        max_frames: Take at most so many frames of each camera; None for all.

    Raises:
        ConfigError: A value is out of range, or `every` and `fps` are given both.
    """

    start_s: float = 0.0
    stop_s: float | None = None
    every: int = 1
    fps: float | None = None
    skip_frames: int = 0
    max_frames: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and self.start_s >= 0.0):
            raise ConfigError(f'the start must be 0 s or later; got {self.start_s}')
        if self.stop_s is not None and not self.stop_s > self.start_s:
            raise ConfigError(
                f'the stop must be after the start, {self.start_s} s; got {self.stop_s} s'
            )
        if self.every < 1:
            raise ConfigError(f'every must be at least 1, which takes all; got {self.every}')
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0.0):
            raise ConfigError(f'the frames a second must be above 0; got {self.fps}')
        if self.fps is not None and self.every > 1:
            raise ConfigError(
                f'every ({self.every}) and the frames a second ({self.fps}) both leave out '
                f'frames; give one of them'
            )
        if self.skip_frames < 0:
            raise ConfigError(
                f'the number of frames to leave out must be at least 0; got {self.skip_frames}'
            )
        if self.max_frames is not None and self.max_frames < 1:
            raise ConfigError(
                f'the number of frames must be at least 1; got {self.max_frames} (leave it out '
                f'for all)'
            )

    def picker(self, num_cameras: int = 1) -> FramePicker:
        """Return a picker that has seen nothing, for one pass over a recording."""
        return FramePicker(self, num_cameras)


class FramePicker:
    """Answers for each frame of one pass, in their order, whether it is wanted.

    Attributes:
        is_done: Whether no later frame can be wanted, so that reading may end.
    """

    def __init__(self, choice: FrameChoice, num_cameras: int) -> None:
        self._choice = choice
        self._start_ns = round(choice.start_s * _NS_PER_S)
        self._stop_ns = None if choice.stop_s is None else round(choice.stop_s * _NS_PER_S)
        self._first_ns: int | None = None
        self._num_seen = [0] * num_cameras
        self._num_skipped = [0] * num_cameras
        self._num_taken = [0] * num_cameras
        self._next_slot = [0] * num_cameras
        self.is_done = False

    def takes(self, stamp_ns: int, camera: int = 0) -> bool:
        """Return whether the next frame is wanted; ask once for each frame.

        Args:
            stamp_ns: Of the frame; not before the one of the same camera before it.
            camera: Which of the cameras took it.
        """
        if self._first_ns is None:
            self._first_ns = stamp_ns
        since_ns = stamp_ns - self._first_ns
        if self._stop_ns is not None and since_ns >= self._stop_ns:
            # A camera beside this one may be a little late.
            patience_ns = 0 if len(self._num_taken) == 1 else _NS_PER_S
            self.is_done = self.is_done or since_ns >= self._stop_ns + patience_ns
            return False
        if self._is_full(camera) or since_ns < self._start_ns:
            return False
        is_wanted = self._is_due(since_ns - self._start_ns, camera)
        self._num_seen[camera] += 1
        if is_wanted and self._num_skipped[camera] < self._choice.skip_frames:
            self._num_skipped[camera] += 1
            return False
        if is_wanted:
            self._num_taken[camera] += 1
            self.is_done = all(map(self._is_full, range(len(self._num_taken))))
        return is_wanted

    def _is_full(self, camera: int) -> bool:
        most = self._choice.max_frames
        return most is not None and self._num_taken[camera] >= most

    def _is_due(self, since_ns: int, camera: int) -> bool:
        if self._choice.fps is None:
            return self._num_seen[camera] % self._choice.every == 0
        # Slots of a fixed length: a frame that is late does not delay all that follow. Half a
        # microsecond forgives the rounding of stamps.
        slot = math.floor((since_ns + 500) * self._choice.fps / _NS_PER_S)
        if slot < self._next_slot[camera]:
            return False
        self._next_slot[camera] = slot + 1
        return True
