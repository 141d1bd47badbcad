"""Frame stream: frames from their arrival until their window is over, each accounted for."""

from __future__ import annotations

from collections.abc import Collection
import logging
import threading

from vggt_ros.errors import InputError, VerificationError
from vggt_ros.mapping.frontend.counters import Counters, Counts
from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.mapping.frontend.intake import Intake
from vggt_ros.mapping.frontend.stream_check import TimeJump
from vggt_ros.mapping.frontend.synchronizer import CameraSync
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.frontend.window_buffer import WindowBuffer
from vggt_ros.settings.live_config import LiveConfig

# After so many failed windows in a row the overlap is given up and the map goes on in a segment.
_FAILURES_BEFORE_SEGMENT = 3
_log = logging.getLogger(__name__)


class FrameStream:
    """Takes frames, gives windows, and is told what became of them. Any thread may call.

    Every frame that was added is, at any moment, used, dropped under one reason or pending.

    Attributes:
        lock: Held for every change, for moments only; hold it to read several things as of one
            moment.
    """

    def __init__(self, config: LiveConfig, *, offline: bool = False) -> None:
        """Start with nothing waiting.

        Args:
            config: The settings.
            offline: True to drop no keyframe when windows are late, and to make incomplete ones
                only after `flush`.
        """
        self.lock = threading.RLock()
        self._config = config
        self._is_offline = offline
        self._counters = Counters()
        self._buffer = WindowBuffer(
            config.value.window, self._counters, offline=offline, lock=self.lock
        )
        self._intake = Intake(config, self._counters, self._buffer)
        self._is_enabled = True
        self._has_frames = self._is_lost = self._is_apart = False
        self._failures_in_row = 0

    @property
    def epoch(self) -> int:
        """Number of resets so far; what belongs to an earlier one is void."""
        return self._buffer.epoch

    @property
    def window_limit(self) -> int | None:
        """Frame sets that windows are limited to for lack of memory, None if they are not."""
        return self._buffer.limit

    @property
    def num_pending(self) -> int:
        """Frames that wait for a window or are in one."""
        with self.lock:
            return self._buffer.num_pending + self._intake.num_waiting

    def counts(self) -> Counts:
        """Return what became of the frames so far."""
        with self.lock:
            return self._counters.counts()

    def cameras(self) -> tuple[CameraSync, ...]:
        """Return how the cameras fit to each other."""
        with self.lock:
            return self._intake.cameras()

    def state(self, *, has_map: bool) -> str:
        """Return the state as `Snapshot` names it."""
        with self.lock:
            if not self._is_enabled:
                return 'paused'
            if self._is_lost:
                return 'lost'
            if self._is_apart:
                return 'relocalizing'
            if has_map:
                return 'blind' if self._intake.why_blind() else 'tracking'
            return 'buffering' if self._has_frames else 'waiting'

    def why_no_window(self) -> str:
        """Return why the images that come make no window; empty if nothing is in the way."""
        with self.lock:
            if self._buffer.num_pending > self._config.value.input.num_cameras:
                return ''  # two sets make a window before long
            return self._intake.why_no_window()

    def why_blind(self) -> str:
        """Return why the images that come cannot be followed; empty if they can."""
        with self.lock:
            return self._intake.why_blind()

    def add(self, frame: Frame | UndecodedFrame) -> None:
        """Take one image; cheap.

        Where the stamps begin again earlier, `input.on_time_jump` says what becomes of the map:
        if it is to begin again, too, `epoch` is another one afterwards.

        Raises:
            InputError: A frame cannot be used; it is counted under the error's `reason`; see
                `Intake`.
        """
        with self.lock:
            self._counters.frame_in()
            if not (self._is_enabled or self._intake.is_triggered):
                self._counters.drop('paused')
                return
            jump = self._intake.check(frame)
            if jump is not None:
                self._after_jump(jump)
            self._has_frames = True
            self._intake.add(frame)

    def count_refused(self, reason: str) -> None:
        """Count an image that came in but could not be made a `Frame`."""
        with self.lock:
            self._counters.frame_in()
            self._counters.drop(reason)

    def flush(self) -> None:
        """Let the frames that wait make windows, complete or not: the stream has ended."""
        with self.lock:
            self._intake.flush()
            self._buffer.flush()

    def wait(self, timeout_s: float, *, may_take: bool = True) -> Window | Frame | None:
        """Return the next window, else a frame that waits for one; see `WindowBuffer.wait`."""
        if not self._is_offline:
            with self.lock:
                try:
                    self._intake.end_silence()
                except InputError as error:
                    _log.warning('a frame that waited for other cameras is dropped: %s', error)
        return self._buffer.wait(timeout_s, may_take=may_take)

    def is_at_work(self, window: Window) -> bool:
        """Return False for a window that is over, or whose new frames wait again."""
        return self._buffer.is_at_work(window)

    def shrink(self, window: Window) -> Window:
        """Replace a window for which the memory did not suffice; see `WindowBuffer.shrink`."""
        smaller = self._buffer.shrink(window)
        _log.warning(
            'out of memory: windows have at most %d frame sets from now on',
            len(smaller.sets),
            exc_info=True,
        )
        return smaller

    def end_used(
        self,
        window: Window,
        registered: Collection[int],
        *,
        num_used: int,
        latency_s: float,
        refined_from: str | None,
        is_connected: bool,
    ) -> bool:
        """End a window that entered the map.

        Args:
            window: It was taken from here and is not over.
            registered: Ids of its frames that the map has now.
            num_used: New frames among them; the others contradict the window.
            latency_s: From taking it to its end.
            refined_from: What its refinement started from, None without one.
            is_connected: Whether its place in the map is known.

        Returns:
            False if the stream was reset meanwhile: the window is void, and not over.
        """
        with self.lock:
            if window.epoch != self.epoch:
                return False
            self._buffer.finish(window, registered=registered)
            self._counters.window_used(num_used, latency_s, refined_from)
            self._counters.drop('inconsistent', len(window.new_frames) - num_used)
            self._is_lost, self._is_apart = False, not is_connected
            self._failures_in_row = 0
            return True

    def end_failed(self, window: Window, error: Exception) -> bool:
        """End a window that did not enter the map.

        Returns:
            False if it was void, so that the error is of no consequence.
        """
        with self.lock:
            if window.epoch != self.epoch:
                self.end_void(window)
                return False
            self._buffer.finish(window)
            if isinstance(error, VerificationError):
                self._counters.window_not_verified(len(window.new_frames))
            else:
                self._counters.window_failed(len(window.new_frames))
            self._is_lost = True
            self._failures_in_row += 1
            if self._failures_in_row >= _FAILURES_BEFORE_SEGMENT:
                self._buffer.forget_overlap()
            return True

    def end_void(self, window: Window) -> None:
        """End a window that was taken before a reset."""
        with self.lock:
            self._buffer.finish(window)
            self._counters.drop('reset', len(window.new_frames))

    def reset(self) -> None:
        """Forget what is pending; the windows at work are void."""
        with self.lock:
            self._intake.clear('reset')
            self._buffer.reset()
            self._has_frames = self._is_lost = self._is_apart = False
            self._failures_in_row = 0

    def set_enabled(self, is_enabled: bool) -> None:
        """Pause or go on; on a pause the frames that wait are dropped."""
        with self.lock:
            self._is_enabled = is_enabled
            if not is_enabled:
                self._intake.clear('paused')

    def trigger(self) -> None:
        """Make a window of what waits and the next frame of each camera, though nothing moves.

        While paused, only these frames are taken.
        """
        with self.lock:
            self._intake.trigger()

    def follow_config(self) -> None:
        """Have the settings that changed hold from the next frame and the next window on."""
        with self.lock:
            self._buffer.settings = self._config.value.window
            self._intake.follow_config()

    def _after_jump(self, jump: TimeJump) -> None:
        policy = self._config.value.input.on_time_jump
        if policy == 'reset':
            _log.warning('%s; the map begins again (input.on_time_jump is reset)', jump.message)
            self.reset()
        elif policy == 'clear':
            _log.warning('%s; the map goes on in another segment', jump.message)
            self._intake.clear('time_jump')
            self._buffer.forget_overlap()
        else:
            _log.warning('%s; nothing is done about it (input.on_time_jump)', jump.message)
