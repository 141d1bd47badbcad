"""The path of the data: frames in, windows through the network, map updates out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import logging
import threading
import time
from typing import Protocol, runtime_checkable

from jaxtyping import UInt8
import numpy as np

from vggt_ros.config import VggtConfig
from vggt_ros.errors import DeviceMemoryError, InputError, VggtRosError
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.mapping.counters import Counters, Counts
from vggt_ros.mapping.frame import Frame, UndecodedFrame
from vggt_ros.mapping.frame_agreement import consistent_frames
from vggt_ros.mapping.frame_results import frame_results
from vggt_ros.mapping.keyframes import KeyframeSelector
from vggt_ros.mapping.map_state import MapState, place
from vggt_ros.mapping.map_update import MapUpdate
from vggt_ros.mapping.stream_check import StreamCheck
from vggt_ros.mapping.submap import submap_from_prediction
from vggt_ros.mapping.trajectory import StampedPoses
from vggt_ros.mapping.voxel_map import MapPoints
from vggt_ros.mapping.window import Window
from vggt_ros.mapping.window_buffer import WindowBuffer
from vggt_ros.parameter_tree import check_changes

# Frames of a seam whose depth is predicted a second time: the first and the last one are enough to
# tell the scale, and every further one costs as much as a new frame.
_SEAM_FRAMES = 2
_log = logging.getLogger(__name__)


@runtime_checkable
class Predicts(Protocol):
    """What the mapper needs of a network."""

    def encode(
        self, frame_id: int, image: UInt8[np.ndarray, 'image_height image_width 3']
    ) -> None:
        """Do what can be done for an image before the others of its window are there."""
        ...

    def predict(
        self,
        images: Sequence[UInt8[np.ndarray, 'image_height image_width 3']],
        request: Request,
        *,
        frame_ids: Sequence[int] | None = None,
    ) -> Prediction:
        """Return depth, cameras and what `request` asks for, for images of one size."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody needs of the next window beside depth, points and poses.

    Attributes:
        tracks: True to follow points from frame to frame.
    """

    tracks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The mapper as of one moment.

    Attributes:
        state: `waiting` for images, `buffering` the first window, `tracking`, `lost` since the
            last window failed, or `paused`.
        counts: What happened to the frames: frames_in is frames_used, all drops and
            frames_pending together.
        frames_pending: Frames that wait for a window or are in one.
        num_map_points: Points of the voxel map.
        window_limit: Frames that windows are limited to for lack of memory, None if they are not.
        epoch: Number of resets.
    """

    state: str
    counts: Counts
    frames_pending: int
    num_map_points: int
    window_limit: int | None
    epoch: int


class Mapper:
    """Builds one map from the images of one camera.

    One thread calls `add_frame`; one other, or the same, calls `wait_for_window` and `process`;
    any thread may call the rest. Two locks, taken in this order, never while the network runs:

    1. the map's own lock: the map; held while a window enters it, some ten milliseconds.
    2. `_lock`: what comes in, what is pending and the counters; held for moments only, so
       that `add_frame` waits neither for the network nor for the map.

    Every frame that was added is, at any moment, used, dropped under one reason or pending.
    """

    def __init__(self, predictor: Predicts, config: VggtConfig, *, offline: bool = False) -> None:
        """Start with an empty map.

        Args:
            predictor: The network; only `process` calls it.
            config: The settings.
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
        self._stream = StreamCheck()
        self._keyframes = KeyframeSelector()
        self._map = MapState(config)
        self._is_enabled = True
        self._has_frames = False
        self._is_lost = False

    def add_frame(self, frame: Frame | UndecodedFrame) -> None:
        """Take one image; cheap, never waits for the network.

        Raises:
            InputError: The frame can not be used; it is counted under the error's `reason`:
                stamp_zero, stamp_backwards, image_empty, size_changed, bad_camera_info, or why
                its pixels can not be read. After a step back of more than a second and after a
                change of size the stream goes on from the next frame, and the frames that waited
                are dropped.
        """
        with self._lock:
            self._counters.frame_in()
            if not self._is_enabled:
                self._counters.drop('paused')
                return
            refusal = self._stream.refusal(frame)
            if refusal is not None:
                self._counters.drop(refusal.reason)
                if refusal.restarts:
                    self._buffer.drop_pending(refusal.reason)
                    self._keyframes.reset()
                raise InputError(refusal.reason, refusal.message)
            self._has_frames = True
            try:
                if self._keyframes.select(frame, self._config.keyframe):
                    self._buffer.push(frame.decoded())
                else:
                    self._counters.drop('not_keyframe')
            except InputError as error:
                self._counters.drop(error.reason)
                raise

    def count_refused(self, reason: str) -> None:
        """Count an image that came in but could not be made a `Frame`."""
        with self._lock:
            self._counters.frame_in()
            self._counters.drop(reason)

    def flush(self) -> None:
        """Let the frames that wait make windows, complete or not: the stream has ended."""
        self._buffer.flush()

    def wait_for_window(self, timeout_s: float) -> Window | None:
        """Return the next window as soon as there is one, None after `timeout_s` without.

        Uses the time to encode the frames that wait, so that a window, once it is complete, takes
        less. A window that was taken must be given to `process`, by the same thread.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            work = self._buffer.wait(max(0.0, deadline_s - time.monotonic()))
            if not isinstance(work, Frame):
                return work
            try:
                self._predictor.encode(work.id, work.image)
            except VggtRosError:
                # The window will meet the same difficulty and account for its frames.
                _log.debug('frame %d was not encoded when it came', work.id, exc_info=True)

    def process(self, window: Window, wanted: Wanted) -> MapUpdate | None:
        """Run the network on a window and add what it says to the map; one thread at a time.

        Returns:
            What the window brought, None if the map was reset since the window was made.

        Raises:
            PredictionError: The network's answer is unusable, or the memory does not suffice for
                it, not even for half the window if `model.oom_policy` is shrink.
            AlignmentError: The window can not be joined to the map. After these and any other
                error the new frames are counted as `window_failed`, and the map and the frames
                that the next window shares with it stay as they were.
        """
        start_s = time.monotonic()
        try:
            try:
                update = self._process(window, wanted, start_s)
            except DeviceMemoryError:
                if self._config.model.oom_policy != 'shrink' or len(window.frames) < 3:
                    raise
                window = self._buffer.shrink(window)
                _log.warning(
                    'out of memory: windows have at most %d frames from now on',
                    len(window.frames),
                    exc_info=True,
                )
                update = self._process(window, wanted, start_s)
        except Exception:
            with self._lock:
                if window.epoch == self._buffer.epoch:
                    self._buffer.finish(window)
                    self._counters.window_failed(len(window.new_frames))
                    self._is_lost = True
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
            self._map.clear()
            self._buffer.reset()
            self._keyframes.reset()
            self._has_frames = self._is_lost = False

    def set_enabled(self, is_enabled: bool) -> None:
        """Pause or go on; on a pause the frames that wait are dropped and the map is kept."""
        with self._lock:
            self._is_enabled = is_enabled
            if not is_enabled:
                self._buffer.drop_pending('paused')
                self._keyframes.reset()

    def update_config(self, config: VggtConfig) -> None:
        """Take new settings from the next frame and the next window on.

        Raises:
            ConfigError: A setting differs that can not change while running; none is taken.
        """
        check_changes(self._config, config)
        with self._map.lock, self._lock:
            self._config = config
            self._buffer.settings = config.window
            self._map.update_config(config)

    def map_points(self) -> MapPoints:
        """Return a copy of the points of the voxel map."""
        with self._map.lock:
            return self._map.voxels.points()

    def path(self) -> StampedPoses:
        """Return a copy of the newest poses, oldest first."""
        with self._map.lock:
            return self._map.trajectory.poses()

    def snapshot(self) -> Snapshot:
        """Return state and counts as of one moment; does not wait for the map."""
        with self._lock:
            return Snapshot(
                state=self._state(),
                counts=self._counters.counts(),
                frames_pending=self._buffer.num_pending,
                num_map_points=len(self._map.voxels),
                window_limit=self._buffer.limit,
                epoch=self._buffer.epoch,
            )

    def _state(self) -> str:
        if not self._is_enabled:
            return 'paused'
        if self._is_lost:
            return 'lost'
        if self._map.last is not None:
            return 'tracking'
        return 'buffering' if self._has_frames else 'waiting'

    def _process(self, window: Window, wanted: Wanted, start_s: float) -> MapUpdate | None:
        with self._map.lock:
            if window.epoch != self._buffer.epoch:
                return None
            config, last = self._config, self._map.last
            first = window.frames[0]
            queries = self._map.tracks.queries(first, config.tracks) if wanted.tracks else None
        request = Request(
            query_points=None if queries is None else queries.uv_image,
            point_head=config.cloud.point_source == 'point_head',
            filter=config.cloud,
            dense_frames=dense_frames(len(window.frames), window.num_overlap),
        )
        prediction = self._predictor.predict(
            [frame.image for frame in window.frames],
            request,
            frame_ids=[frame.id for frame in window.frames],
        )
        submap = submap_from_prediction(window, prediction)
        believed = consistent_frames(submap)
        placement = place(window, submap, last, believed)
        in_map = submap.moved(placement.map_from_submap)
        results = frame_results(window, prediction, in_map, believed, config.cloud, queries)
        in_map = in_map.select([i for i, ok in zip(submap.frame_ids, believed, strict=True) if ok])

        with self._map.lock:
            if window.epoch != self._buffer.epoch:
                return None
            self._map.add(in_map, placement.map_from_submap.scale, results)
            if queries is not None:
                self._map.tracks.record(window, queries, prediction)
            update = MapUpdate(
                new_frames=results,
                window_map_from_cam=in_map.submap_from_cam,
                scale=placement.map_from_submap.scale,
                scale_residual=placement.scale_residual,
                focal_ratio=submap.focal_ratio,
                latency_s=time.monotonic() - start_s,
            )
            with self._lock:
                self._buffer.finish(window, registered=in_map.frame_ids)
                self._counters.window_used(len(results), update.latency_s)
                self._counters.drop('inconsistent', len(window.new_frames) - len(results))
                self._is_lost = False
        return update


def dense_frames(num_frames: int, num_overlap: int) -> tuple[int, ...]:
    """Return which frames of a window need dense maps: the ends of the seam and the new ones.

    Args:
        num_frames: Of the window.
        num_overlap: How many of them, the first ones, the map already has.
    """
    ends = np.linspace(0, num_overlap - 1, min(_SEAM_FRAMES, num_overlap))
    return (*(int(i) for i in ends), *range(num_overlap, num_frames))
