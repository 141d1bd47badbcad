"""The path of the data: frames in, windows through the network, map updates out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
import logging
import time

import numpy as np

from vggt_ros.errors import AlignmentError, DeviceMemoryError, VggtRosError
from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.device import resolve_device
from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.backend.loop_closure import loop_query
from vggt_ros.mapping.backend.loop_search import LoopSearch
from vggt_ros.mapping.backend.registered_window import RegisteredWindow, unit_of
from vggt_ros.mapping.frame_results import frame_results
from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.mapping.frontend.frame_stream import FrameStream
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.map_update import MapUpdate
from vggt_ros.mapping.map_state import MapState, MAX_ANCHOR_SETS
from vggt_ros.mapping.network_stage import NetworkStage
from vggt_ros.mapping.predicted_window import PredictedWindow, Wanted
from vggt_ros.mapping.registration.known_motion import known_motion
from vggt_ros.mapping.registration.pose_priors import NoPriors, PosePriors
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.mapping.registration.window_estimate import (
    window_estimate,
    WindowEstimate,
    with_rig,
)
from vggt_ros.mapping.registration.window_priors import window_priors
from vggt_ros.mapping.registration.window_refiner import WindowRefiner
from vggt_ros.mapping.session.map_session import MapSession
from vggt_ros.mapping.snapshot import Snapshot, snapshot_of
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.live_config import LiveConfig

_log = logging.getLogger(__name__)


class _VoidError(Exception):
    """The map was reset since the window was made."""


class Mapper:
    """Builds one map from the images of one camera, or of several on one robot.

    One thread calls `add_frame`; one other, or the same, `wait_for_window` and `process`, or two
    others `wait_for_window` and `predict`, and `add`; any thread may call the rest. Two locks,
    taken in this order, never while the network runs: the map's and the stream's. `add_frame`
    waits for the map only where a reset has to empty it.

    Attributes:
        stream: The frames that come in, until their window is over.
        map: What is known so far.
    """

    def __init__(
        self,
        predictor: Predicts,
        config: VggtConfig | LiveConfig,
        *,
        priors: PosePriors | None = None,
        offline: bool = False,
    ) -> None:
        """Start with an empty map.

        Args:
            predictor: The network; only `predict` calls it, and loops that ask it.
            config: The settings; live ones may be shared, and are changed by `update_config` only.
            priors: What else is known of the camera; only `add` asks it. None for nothing.
            offline: True to drop no keyframe when the network is late, and to make incomplete
                windows only after `stream.flush`; then frames must not be added faster than
                windows are processed.
        """
        self._config = config if isinstance(config, LiveConfig) else LiveConfig(config)
        config = self._config.value
        self.stream = FrameStream(self._config, offline=offline)
        self.map = MapState(self._config)
        self._priors = NoPriors() if priors is None else priors
        # Frames are in a window or wait for one of the next.
        num_cameras = config.input.num_cameras
        self._refiner = WindowRefiner(
            config.refine,
            max_frames=(4 * config.window.size + MAX_ANCHOR_SETS) * num_cameras,
            num_shared=(config.window.overlap + MAX_ANCHOR_SETS) * num_cameras,
            device=resolve_device(config.model.device),
        )
        self._network = NetworkStage(predictor, self._refiner)
        self._loops = LoopSearch(self.map.places, self._network.answer)

    def add_frame(self, frame: Frame | UndecodedFrame) -> None:
        """Take one image; cheap, never waits for the network.

        Where the stamps begin again earlier, `input.on_time_jump` says what becomes of the map.

        Raises:
            InputError: A frame cannot be used; it is counted under the `reason`; see `Intake`.
        """
        try:
            self.stream.add(frame)
        finally:
            self._follow_reset()

    def wait_for_window(self, timeout_s: float, *, may_take: bool = True) -> Window | None:
        """Return the next window as soon as there is one, None after `timeout_s` without.

        Uses the time to encode the frames that wait and to find their features. A window that was
        taken must be given to `process`, or to `predict` and `add`.

        Args:
            timeout_s: Wait no longer, but for the frame at work.
            may_take: False to leave complete windows for later, and only encode frames.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            timeout_s = max(0.0, deadline_s - time.monotonic())
            work = self.stream.wait(timeout_s, may_take=may_take)
            if not isinstance(work, Frame):
                return work
            try:
                self._network.encode(work)
                self.prepare([work])
            except VggtRosError:
                # The window will meet the same difficulty and account for its frames.
                _log.debug('frame %d was not encoded when it came', work.id, exc_info=True)
            if not may_take and time.monotonic() >= deadline_s:
                return None  # there may be leave by now, while frames never cease to come

    def prepare(self, frames: Iterable[Frame]) -> None:
        """Find features of frames while the network works on their window; any thread may call."""
        if self._config.value.refine.verifies:
            for frame in frames:
                self._refiner.prepare(frame)

    def process(self, window: Window, wanted: Wanted) -> MapUpdate | None:
        """Run the network on a window and add what it says to the map; `predict`, then `add`."""
        return self.add(self.predict(window, wanted))

    def predict(self, window: Window, wanted: Wanted) -> PredictedWindow:
        """Run the network on a window, perhaps while the one before still enters the map.

        Errors are part of the answer, and `add` raises them, when the window's turn has come.
        """
        start_s = time.monotonic()
        config = self._config.value
        try:
            try:
                return self._predict(window, wanted, config, start_s)
            except DeviceMemoryError:
                if config.model.oom_policy != 'shrink' or len(window.sets) < 3:
                    raise
                window = self.stream.shrink(window)
                return self._predict(window, wanted, config, start_s)
        except Exception as error:  # noqa: BLE001 - raised by `add`
            return PredictedWindow(
                window=window, answer=error, queries=None, config=config, start_s=start_s
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
        if not self.stream.is_at_work(window):
            return None
        try:
            answer = _answer_of(predicted)
            registered = self._register(self._estimate(predicted, answer))
            registered = self._close_loop(registered, answer)
            return self._add_layers(registered, predicted, answer)
        except _VoidError:
            self.stream.end_void(window)
        except Exception as error:
            if self.stream.end_failed(window, error):
                raise
            _log.info('a window from before the reset failed', exc_info=True)
        return None

    def reset(self) -> None:
        """Forget the map and what is pending; the result of a window at work is void."""
        with self.map.lock:
            self.stream.reset()
            self._follow_reset()

    def load(self, session: MapSession) -> None:
        """Begin again with a stored map; what is pending is void, as after `reset`."""
        with self.map.lock:
            self.reset()
            self.map.restore(session)

    def update_config(self, config: VggtConfig) -> None:
        """Take new settings from the next frame and the next window on.

        Raises:
            ConfigError: A setting differs that cannot change while running; none is taken.
        """
        with self.map.lock, self.stream.lock:
            self._config.change(config)
            self.stream.follow_config()
            self.map.follow_config()
            self._refiner.settings = config.refine

    def snapshot(self) -> Snapshot:
        """Return state and counts as of one moment; does not wait for the map."""
        return snapshot_of(self.stream, self.map, self._loops.statistics)

    def _follow_reset(self) -> None:
        """Empty the map if the stream was reset: the one place where that happens."""
        if self.map.epoch == self.stream.epoch:
            return
        with self.map.lock:
            self.map.begin(self.stream.epoch)
            self._loops.clear()
            self._refiner.clear()

    @contextmanager
    def _map_of(self, window: Window) -> Iterator[MapState]:
        """Hold the lock of the map that a window was made for."""
        with self.map.lock:
            self._follow_reset()
            if window.epoch != self.map.epoch:
                raise _VoidError
            yield self.map

    def _predict(
        self, window: Window, wanted: Wanted, config: VggtConfig, start_s: float
    ) -> PredictedWindow:
        queries = answer = followed = None
        try:
            with self._map_of(window) as current:
                if wanted.tracks and self._network.follows_points:
                    queries = current.tracks.queries(window.frames[0], config.tracks)
            answer, followed = self._network.predict(window, queries, config)
            with self._map_of(window) as current:
                # The next window asks for its points before this one is in the map.
                if queries is not None:
                    current.tracks.record(window, queries, answer)
        except _VoidError:
            pass
        return PredictedWindow(
            window=window,
            answer=answer,
            queries=queries,
            config=config,
            start_s=start_s,
            followed=followed,
        )

    def _estimate(self, predicted: PredictedWindow, prediction: Prediction) -> WindowEstimate:
        """Return what network, images and robot say of a window, and who is an outlier."""
        window, config = predicted.window, predicted.config
        submap = submap_from_prediction(window, prediction)
        priors = window_priors(window, prediction, self._priors, config)
        priors, refinement = replace(priors, is_metric=self._network.is_metric), None
        if config.refine.verifies:
            with self.map.lock:
                last, scale = self.map.last, self.map.scale.state
            motion = known_motion(window, priors, scale)
            refinement = self._refiner.refine(
                window, prediction, submap, last, motion, predicted.followed
            )
        estimate = window_estimate(window, submap, priors, refinement)
        return with_rig(estimate, config.scale.max_residual)

    def _register(self, estimate: WindowEstimate) -> RegisteredWindow:
        """Register a window to the map, in meters if they are known."""
        with self._map_of(estimate.window) as current:
            return current.lock_scale(current.enter(estimate))

    def _close_loop(self, registered: RegisteredWindow, answer: Prediction) -> RegisteredWindow:
        """Look whether the window is at a revisited place; if it is, correct the map."""
        if not self._config.value.loop.enable or answer.descriptors is None:
            return registered
        query = loop_query(registered, answer.descriptors)
        with self._map_of(registered.estimate.window) as current:
            verify = self._loops.verification(query, current.graph, current.noise)
        edge = None if verify is None else verify()
        if edge is None:
            return registered
        with self._map_of(registered.estimate.window) as current:
            try:
                return current.close(registered, edge)
            except AlignmentError:
                _log.warning('a loop was found and could not be closed', exc_info=True)
                return registered

    def _add_layers(
        self, registered: RegisteredWindow, predicted: PredictedWindow, prediction: Prediction
    ) -> MapUpdate:
        """Draw the window into the map, end it, and tell what it brought."""
        estimate, config = registered.estimate, predicted.config
        window, refinement = estimate.window, estimate.refinement
        with self._map_of(window) as current:
            results = frame_results(
                registered, prediction, current.noise, config.cloud, predicted.queries, config.map
            )
            current.add(registered, results)
            inliers = np.flatnonzero(estimate.is_inlier)
            report = None if refinement is None else refinement.window.report
            update = MapUpdate(
                new_frames=results,
                window_map_from_cam=registered.in_map.ref_from_cam[inliers],
                scale=unit_of(estimate, registered.placement),
                scale_residual=registered.placement.scale_residual,
                focal_ratio=estimate.submap.focal_ratio,
                latency_s=time.monotonic() - predicted.start_s,
                scale_state=current.scale.state,
                depth_ratio=current.depth.newest_ratio,
                correction=current.correction,
                is_connected=registered.placed.segment == 0,
                refinement=report,
            )
            has_ended = self.stream.end_used(
                window,
                [window.frames[row].id for row in inliers],
                num_used=len(results),
                latency_s=update.latency_s,
                refined_from=None if report is None else report.refined_from,
                is_connected=update.is_connected,
            )
        if not has_ended:
            raise _VoidError
        return update


def _answer_of(predicted: PredictedWindow) -> Prediction:
    if isinstance(predicted.answer, Exception):
        raise predicted.answer
    if predicted.answer is None:
        raise _VoidError
    return predicted.answer
