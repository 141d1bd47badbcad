"""Sets of frames that several cameras took at about the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
import math

import numpy as np

from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.mapping.frontend.frame_set import FrameSet
from vggt_ros.settings.input_config import SyncSettings

AnyFrame = Frame | UndecodedFrame
_NS_PER_S = 1e9
# Frames of one camera that may wait: a flood must not fill the memory.
_MAX_WAITING = 32
_MAX_WAITING_BYTES = 100_000_000
# Stamps of one camera that are remembered to tell how far the cameras are apart.
_NUM_STAMPS = 60
# A camera that is behind the others by more than this is not waited for until it comes back.
_DEAD_NS = 1_000_000_000
# Images of one moment are a whole number of periods off by their stamps, give or take this part.
_MAX_MOMENT_OFF = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSync:
    """How one camera fits to the others.

    Attributes:
        num_frames: Frames that came.
        num_in_sets: Frames that are in a set.
        num_dropped: Frames that found no set, or had to go because too many waited.
        offset_s: Median of its stamps minus the nearest ones of camera 0; NaN while unknown. It
            is the offset modulo the time between two images, and no more.
        is_missing: Whether it is so far behind that it is not waited for.
        period_s: Time between two images of camera 0; NaN while unknown.
        true_offset_s: Its stamps minus those of camera 0 for images of one moment, as the images
            tell (`rig_clock.py`); NaN while they have not.
    """

    num_frames: int
    num_in_sets: int
    num_dropped: int
    offset_s: float
    is_missing: bool
    period_s: float = math.nan
    true_offset_s: float = math.nan

    @property
    def num_moments_off(self) -> int | None:
        """How many moments the images nearest by their stamps are apart; None while unknown."""
        periods = (self.true_offset_s - self.offset_s) / self.period_s
        if not math.isfinite(periods) or abs(periods - round(periods)) > _MAX_MOMENT_OFF:
            return None  # the clocks have changed since the images were looked at
        return round(periods)


class Synchronizer:
    """Makes sets of the frames of several cameras; one thread at a time. Integer nanoseconds.

    The oldest frame that waits decides: with the first frame of every other camera within the slop
    it makes a set, as soon as it is known which cameras have none. A camera has none if
    its stamps are past the slop, or if it stays behind the newest stamp of all by more than the
    lag. Each camera's stamps increase. Below half of the time between two images the slop leaves
    no choice, and the sets are the only ones possible.
    """

    def __init__(
        self, num_cameras: int, settings: SyncSettings, on_drop: Callable[[str, AnyFrame], None]
    ) -> None:
        """Start with nothing waiting.

        Args:
            num_cameras: Cameras, numbered from 0.
            settings: `input.sync.*`; assign `settings` to change them.
            on_drop: Told the reason and the frame for each that finds no set: `unsynchronized`,
                or `sync_overflow` if too many wait.
        """
        self.settings = settings
        self._on_drop = on_drop
        self._waiting: list[deque[AnyFrame]] = [deque() for _ in range(num_cameras)]
        self._newest_ns: list[int | None] = [None] * num_cameras
        self._stamps_ns = [deque[int](maxlen=_NUM_STAMPS) for _ in range(num_cameras)]
        self._num_frames = [0] * num_cameras
        self._num_in_sets = [0] * num_cameras
        self._num_dropped = [0] * num_cameras

    @property
    def num_waiting(self) -> int:
        """Frames that are in no set yet."""
        return sum(map(len, self._waiting))

    def push(self, frame: AnyFrame) -> list[FrameSet[AnyFrame]]:
        """Take a frame; return the sets that are complete, or as complete as they can be, now.

        Args:
            frame: Later than the last frame of the same camera.
        """
        camera = frame.camera
        self._num_frames[camera] += 1
        if len(self._waiting) == 1:
            self._num_in_sets[camera] += 1
            return [FrameSet(frames=(frame,))]
        self._newest_ns[camera] = frame.stamp_ns
        self._stamps_ns[camera].append(frame.stamp_ns)
        while self._is_full(camera, frame.num_bytes):
            self._drop('sync_overflow', self._waiting[camera].popleft())
        self._waiting[camera].append(frame)
        return self._take(is_flush=False)

    def _is_full(self, camera: int, num_more: int) -> bool:
        waiting = self._waiting[camera]
        num_bytes = num_more + sum(each.num_bytes for each in waiting)
        # One may wait, however large: without it there would be no sets at all.
        is_heavy = bool(waiting) and num_bytes > _MAX_WAITING_BYTES
        return len(waiting) >= _MAX_WAITING or is_heavy

    def flush(self) -> list[FrameSet[AnyFrame]]:
        """Return the sets that can be made of what waits: no more frames will come."""
        return self._take(is_flush=True)

    def clear(self, reason: str) -> None:
        """Drop what waits and forget the stamps, as after a jump of time."""
        for camera, waiting in enumerate(self._waiting):
            while waiting:
                self._drop(reason, waiting.popleft())
            self._newest_ns[camera] = None
            self._stamps_ns[camera].clear()

    def status(self) -> tuple[CameraSync, ...]:
        """Return how well the cameras fit, one by one."""
        newest_ns = max((each for each in self._newest_ns if each is not None), default=0)
        period_s = self._period_s()
        return tuple(
            CameraSync(
                num_frames=self._num_frames[camera],
                num_in_sets=self._num_in_sets[camera],
                num_dropped=self._num_dropped[camera],
                offset_s=self._offset_s(camera),
                is_missing=len(self._waiting) > 1 and self._is_missing(camera, newest_ns),
                period_s=period_s,
            )
            for camera in range(len(self._waiting))
        )

    def _take(self, *, is_flush: bool) -> list[FrameSet[AnyFrame]]:
        least = self.settings.min_cameras or len(self._waiting)
        sets = []
        while self.num_waiting:
            found = self._oldest(is_flush=is_flush)
            if found is None:
                break
            if len(found) < least:
                # The others may still fit to a later frame.
                self._drop('unsynchronized', self._waiting[found[0].camera].popleft())
                continue
            for frame in found:
                self._waiting[frame.camera].popleft()
                self._num_in_sets[frame.camera] += 1
            sets.append(FrameSet(frames=tuple(sorted(found, key=lambda frame: frame.camera))))
        return sets

    def _oldest(self, *, is_flush: bool) -> list[AnyFrame] | None:
        """Return the oldest frame and all that go with it; None if one may still come."""
        heads = [waiting[0] for waiting in self._waiting if waiting]
        oldest = min(heads, key=lambda frame: frame.stamp_ns)
        last_ns = oldest.stamp_ns + round(self.settings.slop * _NS_PER_S)
        found = [oldest]
        for camera, waiting in enumerate(self._waiting):
            if camera == oldest.camera:
                continue
            if waiting and waiting[0].stamp_ns <= last_ns:
                found.append(waiting[0])
            elif not waiting and not is_flush and self._may_come(camera, last_ns):
                return None
        return found

    def _may_come(self, camera: int, last_ns: int) -> bool:
        """Return whether a camera of which nothing waits may bring a stamp up to `last_ns`."""
        own_ns = self._newest_ns[camera]
        if own_ns is not None and own_ns >= last_ns:
            return False
        newest_ns = max(each for each in self._newest_ns if each is not None)
        if newest_ns - last_ns > self.settings.max_lag * _NS_PER_S:
            return False
        return not self._is_missing(camera, newest_ns)

    def _is_missing(self, camera: int, newest_ns: int) -> bool:
        own_ns = self._newest_ns[camera]
        if own_ns is None:  # it has not come yet: the others have not waited long, either
            oldest_ns = min((min(each) for each in self._stamps_ns if each), default=newest_ns)
            return newest_ns - oldest_ns > _DEAD_NS
        return newest_ns - own_ns > max(_DEAD_NS, self.settings.max_lag * _NS_PER_S)

    def _period_s(self) -> float:
        stamps_ns = self._stamps_ns[0]
        return float(np.median(np.diff(stamps_ns))) / _NS_PER_S if len(stamps_ns) > 1 else math.nan

    def _offset_s(self, camera: int) -> float:
        own, first = self._stamps_ns[camera], self._stamps_ns[0]
        if not own or not first:
            return math.nan
        steps_ns = np.array(own)[:, None] - np.array(first)
        nearest = np.abs(steps_ns).argmin(axis=1)
        return float(np.median(steps_ns[np.arange(len(nearest)), nearest])) / _NS_PER_S

    def _drop(self, reason: str, frame: AnyFrame) -> None:
        self._num_dropped[frame.camera] += 1
        self._on_drop(reason, frame)
