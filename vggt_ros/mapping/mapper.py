"""The path of the data: frames in, windows through the network, map updates out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
import logging
import threading
import time

from vggt_ros.errors import DeviceMemoryError, VerificationError, VggtRosError
from vggt_ros.inference.backbone import Predicts
from vggt_ros.mapping.backend.submap_graph import ClosedLoop
from vggt_ros.mapping.frontend.counters import Counters
from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.mapping.frontend.intake import Intake
from vggt_ros.mapping.frontend.stream_check import TimeJump
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.frontend.window_buffer import WindowBuffer
from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.layers.map_update import MapUpdate
from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells
from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.mapping.map_builder import MapBuilder, Wanted
from vggt_ros.mapping.predicted_window import PredictedWindow
from vggt_ros.mapping.registration.pose_priors import NoPriors, PosePriors
from vggt_ros.mapping.snapshot import Snapshot
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import check_changes

# After so many failed windows in a row the overlap is given up and the map goes on in a segment.
_FAILURES_BEFORE_SEGMENT = 3
_log = logging.getLogger(__name__)


class Mapper:
    """Builds one map from the images of one camera, or of several on one robot.

    One thread calls `add_frame`; one other, or the same, `wait_for_window` and `process`, or two
    others `wait_for_window` and `predict`, and `add`; any thread may call the rest. Two locks,
    taken in this order, never while the network runs:

    1. the map's own lock: the map; held while a window enters it, some ten milliseconds.
    2. `_lock`: what comes in, what is pending and the counters; held for moments only, so
       that `add_frame` waits neither for the network nor for the map.

    Every frame that was added is, at any moment, used, dropped under one reason or pending.
    """

    def __init__(
        self,
        predictor: Predicts,
        config: VggtConfig,
        *,
        priors: PosePriors | None = None,
        offline: bool = False,
    ) -> None:
        """Start with an empty map.

        Args:
            predictor: The network; only `process` calls it.
            config: The settings.
            priors: What else is known of the camera; only `process` asks it. None for nothing.
            offline: True to drop no keyframe when the network is late, and to make incomplete
                windows only after `flush`; the caller then takes care not to add frames faster
                than windows are processed.
        """
        self._predictor = predictor
        self._config = config
        self._lock = threading.RLock()
        self._counters = Counters()
        self._buffer = WindowBuffer(
            config.window, self._counters, offline=offline, lock=self._lock
        )
        self._intake = Intake(config, self._counters, self._buffer)
        self._builder = MapBuilder(predictor, NoPriors() if priors is None else priors, config)
        self._map = self._builder.map
        self._is_enabled = True
        self._has_frames = False
        self._is_lost = False
        self._failures_in_row = 0

    def add_frame(self, frame: Frame | UndecodedFrame) -> None:
        """Take one image; cheap, never waits for the network.

        Where the stamps begin again earlier, `input.on_time_jump` says what becomes of the map.

        Raises:
            InputError: A frame cannot be used; it is counted under the error's `reason`; see
                `Intake`.
        """
        with self._lock:
            self._counters.frame_in()
            if not self._is_enabled:
                self._counters.drop('paused')
                return
            jump = self._intake.check(frame)
        if jump is not None:
            self._after_jump(jump)
        with self._lock:
            self._has_frames = True
            self._intake.add(frame)

    def count_refused(self, reason: str) -> None:
        """Count an image that came in but could not be made a `Frame`."""
        with self._lock:
            self._counters.frame_in()
            self._counters.drop(reason)

    def flush(self) -> None:
        """Let the frames that wait make windows, complete or not: the stream has ended."""
        with self._lock:
            self._intake.flush()
            self._buffer.flush()

    def wait_for_window(self, timeout_s: float, *, may_take: bool = True) -> Window | None:
        """Return the next window as soon as there is one, None after `timeout_s` without.

        Uses the time to encode the frames that wait and to find their features, so that a window,
        once it is complete, takes less. A window that was taken must be given to `process`, or
        to `predict` and `add`.

        Args:
            timeout_s: Wait no longer, but for the frame at work.
            may_take: False to leave complete windows for later, and only encode frames.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            timeout_s = max(0.0, deadline_s - time.monotonic())
            work = self._buffer.wait(timeout_s, may_take=may_take)
            if not isinstance(work, Frame):
                return work
            try:
                self._builder.encode(work)
                self._builder.prepare(work)
            except VggtRosError:
                # The window will meet the same difficulty and account for its frames.
                _log.debug('frame %d was not encoded when it came', work.id, exc_info=True)
            if not may_take and time.monotonic() >= deadline_s:
                return None  # there may be leave by now, while frames never cease to come

    def prepare(self, window: Window) -> None:
        """Find the features of a window while the network works on it; any thread may call."""
        for frame in window.new_frames:
            self._builder.prepare(frame)

    def process(self, window: Window, wanted: Wanted) -> MapUpdate | None:
        """Run the network on a window and add what it says to the map; `predict`, then `add`."""
        return self.add(self.predict(window, wanted))

    def predict(self, window: Window, wanted: Wanted) -> PredictedWindow:
        """Run the network on a window, perhaps while the one before still enters the map.

        Errors are part of the answer, and `add` raises them, when the window's turn has come.
        """
        start_s = time.monotonic()
        is_void = partial(self._is_void, window)
        try:
            try:
                return self._builder.predict(window, wanted, start_s, is_void)
            except DeviceMemoryError:
                if self._config.model.oom_policy != 'shrink' or len(window.sets) < 3:
                    raise
                window = self._buffer.shrink(window)
                _log.warning(
                    'out of memory: windows have at most %d frame sets from now on',
                    len(window.sets),
                    exc_info=True,
                )
                return self._builder.predict(window, wanted, start_s, is_void)
        except Exception as error:  # noqa: BLE001 - raised by `add`
            return PredictedWindow(
                window=window, answer=error, queries=None, config=self._config, start_s=start_s
            )

    def add(self, predicted: PredictedWindow) -> MapUpdate | None:
        """Add to the map what the network said of a window; one thread at a time, in their order.

        Returns:
            What the window brought; None if the map was reset since the window was made, or if
            the window before left frames out that this one builds on: its new frames wait again.

        Raises:
            PredictionError: The network's answer is unusable, or the memory does not suffice for
                it, not even for half the window if `model.oom_policy` is shrink.
            VerificationError: The images confirm none of the new frames, which are counted as
                `not_verified`.
            AlignmentError: The window cannot be registered to the map. After this and any other
                error the new frames are counted as `window_failed`, and after all of them the map
                and the frames that the next window shares with it stay as they were. After
                several in a row the next window shares none: it begins a segment.
        """
        window = predicted.window
        if not self._buffer.is_at_work(window):
            return None
        try:
            update = self._build(predicted)
        except Exception as error:
            with self._lock:
                if not self._is_void(window):
                    self._buffer.finish(window)
                    if isinstance(error, VerificationError):
                        self._counters.window_not_verified(len(window.new_frames))
                    else:
                        self._counters.window_failed(len(window.new_frames))
                    self._is_lost = True
                    self._failures_in_row += 1
                    if self._failures_in_row >= _FAILURES_BEFORE_SEGMENT:
                        self._buffer.forget_overlap()
                    raise
            _log.info('a window from before the reset failed', exc_info=True)
            update = None
        if update is None:
            with self._lock:
                self._buffer.finish(window)
                self._counters.drop('reset', len(window.new_frames))
        return update

    def reset(self) -> None:
        """Forget the map and what is pending; the result of a window at work is void."""
        with self._map.lock, self._lock:
            self._builder.clear()
            self._intake.clear('reset')
            self._buffer.reset()
            self._has_frames = self._is_lost = False
            self._failures_in_row = 0

    def set_enabled(self, is_enabled: bool) -> None:
        """Pause or go on; on a pause the frames that wait are dropped and the map is kept."""
        with self._lock:
            self._is_enabled = is_enabled
            if not is_enabled:
                self._intake.clear('paused')

    def update_config(self, config: VggtConfig) -> None:
        """Take new settings from the next frame and the next window on.

        Raises:
            ConfigError: A setting differs that cannot change while running; none is taken.
        """
        check_changes(self._config, config)
        with self._map.lock, self._lock:
            self._config = config
            self._buffer.settings = config.window
            self._intake.update_config(config)
            self._builder.update_config(config)

    def map_points(self, since: int = 0) -> tuple[MapPoints, int]:
        """Return a copy of the points of the voxel map, and the tick they are of.

        Args:
            since: A tick returned before, for only those points that have changed since.
        """
        with self._map.lock:
            return self._map.voxels.points(since), self._map.voxels.tick

    def path(self) -> StampedPoses:
        """Return a copy of the newest poses, oldest first."""
        with self._map.lock:
            return self._map.trajectory.poses()

    def occupancy(self) -> OccupancyCells | None:
        """Return the free and occupied cells, None if nothing was drawn."""
        with self._map.lock:
            return self._map.occupancy.grid()

    def views(self) -> list[CameraView]:
        """Return the newest poses with their cameras."""
        with self._map.lock:
            return self._map.trajectory.views()

    def loops(self) -> tuple[ClosedLoop, ...]:
        """Return the places that were recognized and moved the map."""
        with self._map.lock:
            return self._map.graph.loops

    @property
    def epoch(self) -> int:
        """Number of resets so far."""
        return self._buffer.epoch

    def snapshot(self) -> Snapshot:
        """Return state and counts as of one moment; does not wait for the map."""
        with self._lock:
            return Snapshot(
                state=self._state(),
                counts=self._counters.counts(),
                frames_pending=self._buffer.num_pending + self._intake.num_waiting,
                cameras=self._intake.cameras(),
                num_map_points=len(self._map.voxels),
                num_submaps=len(self._map.graph),
                num_loops=self._map.graph.num_loops,
                loop_statistics=self._builder.loop_statistics,
                window_limit=self._buffer.limit,
                epoch=self._buffer.epoch,
                no_window=self._why_no_window(),
                blind=self._why_blind(),
            )

    def _why_no_window(self) -> str:
        num_pending = self._buffer.num_pending  # two sets make a window before long
        if self._state() != 'buffering' or num_pending > self._config.input.num_cameras:
            return ''
        return self._intake.why_no_window()

    def _why_blind(self) -> str:
        return '' if self._map.last is None else self._intake.why_blind()

    def _after_jump(self, jump: TimeJump) -> None:
        policy = self._config.input.on_time_jump
        if policy == 'reset':
            _log.warning('%s; the map begins again (input.on_time_jump is reset)', jump.message)
            self.reset()
        elif policy == 'clear':
            _log.warning('%s; the map goes on in another segment', jump.message)
            with self._lock:
                self._intake.clear('time_jump')
                self._buffer.forget_overlap()
        else:
            _log.warning('%s; nothing is done about it (input.on_time_jump)', jump.message)

    def _state(self) -> str:
        if not self._is_enabled:
            return 'paused'
        if self._is_lost:
            return 'lost'
        if self._map.last is not None:
            return 'blind' if self._why_blind() else 'tracking'
        return 'buffering' if self._has_frames else 'waiting'

    def _build(self, predicted: PredictedWindow) -> MapUpdate | None:
        window = predicted.window

        def on_added(update: MapUpdate, registered: Sequence[int]) -> None:
            num_new = len(update.new_frames)
            with self._lock:
                self._buffer.finish(window, registered=registered)
                report = update.refinement
                start = None if report is None else report.refined_from
                self._counters.window_used(num_new, update.latency_s, start)
                self._counters.drop('inconsistent', len(window.new_frames) - num_new)
                self._is_lost = not update.is_connected
                self._failures_in_row = 0

        return self._builder.add(predicted, partial(self._is_void, window), on_added)

    def _is_void(self, window: Window) -> bool:
        return window.epoch != self._buffer.epoch
