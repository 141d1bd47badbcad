"""Intake: single frames become keyframe sets; checked, synchronized, selected, decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import logging
import time

from vggt_ros.errors import InputError
from vggt_ros.mapping.frontend.counters import Counters
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.frame_set import FrameSet
from vggt_ros.mapping.frontend.keyframes import Choice, KeyframeSelector
from vggt_ros.mapping.frontend.rig_clock import RigClock
from vggt_ros.mapping.frontend.stream_check import Refusal, StreamCheck, TimeJump
from vggt_ros.mapping.frontend.synchronizer import AnyFrame, CameraSync, Synchronizer
from vggt_ros.mapping.frontend.view_quality import why_blind, why_no_window
from vggt_ros.mapping.frontend.window_buffer import WindowBuffer
from vggt_ros.settings.live_config import LiveConfig

# A frame that waits for those of other cameras is given up when no frame has come for so long, by
# the wall clock: they have stopped, and no stamp will ever tell. Longer than a person needs who
# steps through a recording message by message.
_SILENCE_S = 5.0
_log = logging.getLogger(__name__)


class Intake:
    """Brings frames to the window buffer, and counts those that do not get there.

    One thread at a time; every frame that `add` is called with is then in the buffer, waits here,
    or is dropped under one reason:

    - stamp_zero, stamp_repeated, stamp_backwards, stamp_outlier: the stamp does not go on from the
      last one of its camera;
    - image_empty, size_changed, bad_camera_info: the frame cannot be used. After a change of
      size the stream goes on from the next frame, and the frames that waited are dropped, too;
    - unsynchronized, sync_overflow: it found no set; see `Synchronizer`;
    - size_differs: the first camera of its set has images of another size;
    - incomplete_set: other frames of its set cannot be used;
    - not_keyframe: too little moved;
    - blind: it shows nothing that could be followed: dark, blank, covered;
    - view_lost: it waited when the images came back from that and showed another place, and no
      refinement is there to tell whether the two belong together;
    - those of the error that reading its pixels raises.
    """

    def __init__(
        self,
        config: LiveConfig,
        counters: Counters,
        buffer: WindowBuffer,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with nothing waiting.

        Args:
            config: The settings.
            counters: Counts the drops.
            buffer: Takes the keyframe sets.
            clock: Seconds, monotonic.
        """
        self._now_s = clock
        self._config = config
        self._counters = counters
        self._buffer = buffer
        num_cameras = config.value.input.num_cameras
        self._streams = [StreamCheck() for _ in range(num_cameras)]
        self._sync = Synchronizer(num_cameras, config.value.input.sync, self._on_drop)
        self._clock = RigClock(num_cameras)
        self._keyframes = KeyframeSelector()
        self._last_key_s = self._last_frame_s = self._now_s()
        self._is_triggered = False

    @property
    def is_triggered(self) -> bool:
        """Whether the next set is taken whatever it shows."""
        return self._is_triggered

    @property
    def num_waiting(self) -> int:
        """Frames that wait for those of other cameras."""
        return self._sync.num_waiting

    def why_no_window(self) -> str:
        """Return why the images that come make no window; empty if nothing is in the way."""
        waited_s = self._now_s() - self._last_key_s
        return why_no_window(self._keyframes.quality, waited_s, self._config.value.keyframe)

    def why_blind(self) -> str:
        """Return why the images that come cannot be followed; empty if they can."""
        return why_blind(self._keyframes.quality)

    def cameras(self) -> tuple[CameraSync, ...]:
        """Return how the cameras fit to each other."""
        return tuple(
            replace(status, true_offset_s=self._clock.offset_s(camera))
            for camera, status in enumerate(self._sync.status())
        )

    def check(self, frame: AnyFrame) -> TimeJump | None:
        """Return the jump of time after which a frame goes on, None if there was none.

        Raises:
            InputError: The frame cannot be used.
        """
        verdict = self._streams[frame.camera].check(frame)
        if isinstance(verdict, Refusal):
            self._counters.drop(verdict.reason)
            if verdict.restarts:
                self.clear(verdict.reason)
            raise InputError(verdict.reason, verdict.message)
        if verdict is not None:
            # The cameras share a clock: the others are about to jump, too.
            for camera, stream in enumerate(self._streams):
                if camera != frame.camera:
                    stream.restart()
            self._sync.clear('time_jump')
            self._clock.restart()
        return verdict

    def add(self, frame: AnyFrame) -> None:
        """Take a frame that was checked.

        Raises:
            InputError: Pixels cannot be read.
        """
        self._last_frame_s = self._now_s()
        self._take(self._sync.push(self._clock.look(frame)))

    def end_silence(self) -> None:
        """Bring what waits for other cameras to the buffer if all have been silent for long.

        Raises:
            InputError: Pixels cannot be read.
        """
        if self._sync.num_waiting and self._now_s() - self._last_frame_s > _SILENCE_S:
            self.flush()

    def flush(self) -> None:
        """Bring what waits to the buffer as far as possible: the stream has ended."""
        self._take(self._sync.flush())

    def trigger(self) -> None:
        """Take the next set, moved or not, and let a window begin with what waits then."""
        self._is_triggered = True

    def clear(self, reason: str) -> None:
        """Drop what waits, here and in the buffer; the next set is a key one."""
        self._sync.clear(reason)
        self._clock.restart()
        self._buffer.drop_pending(reason)
        self._keyframes.reset()

    def follow_config(self) -> None:
        """Have the settings that changed hold from the next frame on."""
        self._sync.settings = self._config.value.input.sync

    def _take(self, frame_sets: list[FrameSet[AnyFrame]]) -> None:
        errors = [error for each in frame_sets for error in self._take_set(each)]
        if errors:
            raise errors[0]

    def _take_set(self, frame_set: FrameSet[AnyFrame]) -> list[InputError]:
        """Return why frames of it could not be used."""
        usable, errors = self._of_one_size(frame_set)
        if not usable:
            return errors
        settings = self._config.value.keyframe
        if self._is_triggered:
            settings = replace(settings, min_parallax=0.0)
        try:
            choice = self._keyframes.select(FrameSet(frames=usable), settings)
        except InputError as error:
            self._counters.drop(error.reason, len(usable))
            return [*errors, error]
        if choice is not Choice.KEY:
            reason = 'blind' if choice is Choice.BLIND else 'not_keyframe'
            self._counters.drop(reason, len(usable))
            return errors
        if self._keyframes.lost_view and not self._config.value.refine.verifies:
            # Nothing would show that the network joins two places that have nothing in common.
            _log.warning('after images that show nothing another place is seen')
            self._buffer.drop_pending('view_lost')
            self._buffer.forget_overlap()
        self._last_key_s = self._now_s()
        frames: list[Frame] = []
        for frame in usable:
            try:
                frames.append(frame.decoded())
            except InputError as error:
                self._counters.drop(error.reason)
                errors.append(error)
        if frames and len(frames) >= self._least():
            self._buffer.push(FrameSet(frames=tuple(frames)))
            if self._is_triggered:
                self._is_triggered = False
                self._buffer.flush()
        else:
            self._counters.drop('incomplete_set', len(frames))
        return errors

    def _of_one_size(
        self, frame_set: FrameSet[AnyFrame]
    ) -> tuple[tuple[AnyFrame, ...], list[InputError]]:
        size = frame_set.frames[0].size
        usable = tuple(frame for frame in frame_set.frames if frame.size == size)
        errors = []
        for frame in frame_set.frames:
            if frame.size != size:
                self._counters.drop('size_differs')
                first = frame_set.frames[0]
                errors.append(
                    InputError(
                        'size_differs',
                        f'camera {frame.camera} has images of {frame.size[0]} x {frame.size[1]}, '
                        f'camera {first.camera} of {size[0]} x {size[1]}; a window has one size: '
                        f'let all drivers publish the same',
                    )
                )
        if len(usable) < self._least():
            self._counters.drop('incomplete_set', len(usable))
            return (), errors
        return usable, errors

    def _least(self) -> int:
        return self._config.value.input.min_cameras

    def _on_drop(self, reason: str, frame: AnyFrame) -> None:
        self._counters.drop(reason)
