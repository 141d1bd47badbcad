"""Map builder: from a window to what it adds to the map; all steps can be read here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
import logging
import threading
import time

from jaxtyping import Float32
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.device import resolve_device
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.mapping.backend.loop_closure import loop_query
from vggt_ros.mapping.backend.loop_search import LoopSearch
from vggt_ros.mapping.backend.loop_verification import LoopStatistics
from vggt_ros.mapping.backend.registered_window import RegisteredWindow, unit_of
from vggt_ros.mapping.depth_request import depth_request
from vggt_ros.mapping.frame_results import frame_results
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.map_update import MapUpdate
from vggt_ros.mapping.map_state import MapState, MAX_ANCHOR_SETS
from vggt_ros.mapping.predicted_window import PredictedWindow
from vggt_ros.mapping.refinement.network_tracks import take_network_tracks
from vggt_ros.mapping.registration.known_motion import known_motion
from vggt_ros.mapping.registration.pose_priors import PosePriors
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.mapping.registration.window_depth import kept_pixels
from vggt_ros.mapping.registration.window_estimate import (
    window_estimate,
    WindowEstimate,
    with_rig,
)
from vggt_ros.mapping.registration.window_priors import window_priors
from vggt_ros.mapping.registration.window_refiner import Refinement, WindowRefiner
from vggt_ros.settings.config import VggtConfig

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What subscribers need of the next window beside depth, points and poses.

    Attributes:
        tracks: True to follow points from frame to frame.
    """

    tracks: bool


class _VoidError(Exception):
    """The map was reset since the window was made."""


class MapBuilder:
    """Runs the network on windows and adds what it says to the map: two stages.

    One thread calls `encode` and `predict`, one other or the same `add`: the network may work on
    a window while the one before is refined and enters the map.

    Attributes:
        map: What is known so far; its lock is held while it changes, never while the network runs.
    """

    def __init__(self, predictor: Predicts, priors: PosePriors, config: VggtConfig) -> None:
        """Start with an empty map.

        Args:
            predictor: The network.
            priors: What else is known of the camera.
            config: The settings.
        """
        self.map = MapState(config)
        self._predictor = predictor
        # Loops may ask the network, too, while it works on the next window.
        self._network_lock = threading.Lock()
        self._priors = priors
        self._config = config
        self._loops = LoopSearch(self.map.places, self._predict)
        # Frames are in a window or wait for one of the next.
        num_cameras = config.input.num_cameras
        self._refiner = WindowRefiner(
            config.refine,
            max_frames=(4 * config.window.size + MAX_ANCHOR_SETS) * num_cameras,
            num_shared=(config.window.overlap + MAX_ANCHOR_SETS) * num_cameras,
            device=resolve_device(config.model.device),
        )
        # What of an image the network sees; the first answer tells.
        self._grid: ImageGrid | None = None

    @property
    def loop_statistics(self) -> LoopStatistics:
        """What loop queries by images brought so far."""
        return self._loops.statistics

    def clear(self) -> None:
        """Forget the map; call with its lock held."""
        self.map.clear()
        self._loops.clear()
        self._refiner.clear()

    def encode(self, frame: Frame) -> None:
        """Do what the network can do for a frame before its window is complete.

        Raises:
            VggtRosError: The network cannot encode it.
        """
        if self._predictor.capabilities.encodes_on_arrival:
            with self._network_lock:
                self._predictor.encode(frame.id, frame.image)

    def prepare(self, frame: Frame) -> None:
        """Do what refinement can do for a frame before the network has answered; any thread."""
        if self._config.refine.verifies:
            self._refiner.prepare(frame)

    def update_config(self, config: VggtConfig) -> None:
        """Take new settings; call with the map's lock held."""
        self._config = config
        self._refiner.settings = config.refine
        self.map.update_config(config)

    def predict(
        self, window: Window, wanted: Wanted, start_s: float, is_void: Callable[[], bool]
    ) -> PredictedWindow:
        """Run the network on a window; needs nothing of what the window before brings.

        Args:
            window: The frames.
            wanted: What subscribers need beside the map.
            start_s: When the window was taken, by time.monotonic.
            is_void: True as soon as the map was reset; asked with the map's lock held.

        Raises:
            PredictionError: The network's answer is unusable.
        """
        can = self._predictor.capabilities
        with self.map.lock:
            config = self._config
            queries = None
            is_wanted = not is_void()
            if is_wanted and wanted.tracks and can.follows_points:
                queries = self.map.tracks.queries(window.frames[0], config.tracks)
        answer = followed = None
        if is_wanted:
            points = [] if queries is None else [queries.uv_image]
            asked = None
            if config.refine.asks_tracker and can.follows_points and self._grid is not None:
                asked = self._refiner.queries(window.frames[0], self._grid)
            if asked is not None:
                points.append(asked.uv_image)
            answer = self._predict(window.frames, _request(window, points, config))
            self._grid = answer.grid
            if asked is not None:
                limit = config.tracks.min_visibility
                answer, followed = take_network_tracks(answer, asked, limit)
            with self.map.lock:
                # The next window asks for its points before this one is in the map.
                if queries is not None and not is_void():
                    self.map.tracks.record(window, queries, answer)
        return PredictedWindow(
            window=window,
            answer=answer,
            queries=queries,
            config=config,
            start_s=start_s,
            followed=followed,
        )

    def add(
        self,
        predicted: PredictedWindow,
        is_void: Callable[[], bool],
        on_added: Callable[[MapUpdate, Sequence[int]], None],
    ) -> MapUpdate | None:
        """Take a window that the network has answered all the way into the map.

        Args:
            predicted: The window; the frames that it shares with the map are in the map.
            is_void: True as soon as the map was reset; asked with the map's lock held.
            on_added: Called with the map's lock held, with what was added and the ids of the
                frames that the map has now.

        Returns:
            What the window brought, None if it was void.

        Raises:
            PredictionError: The network's answer is unusable.
            VerificationError: The images confirm none of the new frames.
            AlignmentError: The window has no place in the map, which stays as it was.
        """
        prediction = predicted.answer
        if isinstance(prediction, Exception):
            raise prediction
        if prediction is None:
            return None
        try:
            estimate = self._estimate(predicted, prediction)
            registered = self._enter(estimate, is_void)
            registered = self._close_loop(registered, prediction, is_void)
            return self._add_layers(registered, predicted, prediction, is_void, on_added)
        except _VoidError:
            return None

    @contextmanager
    def _map_of(self, is_void: Callable[[], bool]) -> Iterator[MapState]:
        """Hold the lock of the map that a window was made for."""
        with self.map.lock:
            if is_void():
                raise _VoidError
            yield self.map

    def _estimate(self, predicted: PredictedWindow, prediction: Prediction) -> WindowEstimate:
        """Return what network, images and robot say of a window, and who is an outlier."""
        window, config = predicted.window, predicted.config
        submap = submap_from_prediction(window, prediction)
        priors = window_priors(window, prediction, self._priors, config.scale)
        refinement: Refinement | None = None
        if config.refine.verifies:
            with self.map.lock:
                last, scale = self.map.last, self.map.scale.state
            motion = known_motion(window, priors, scale)
            refinement = self._refiner.refine(
                window, prediction, submap, last, motion, predicted.followed
            )
        estimate = window_estimate(window, submap, priors, refinement)
        return with_rig(estimate, config.scale.max_residual)

    def _enter(self, estimate: WindowEstimate, is_void: Callable[[], bool]) -> RegisteredWindow:
        """Register a window to the map, in meters if they are known."""
        with self._map_of(is_void) as current:
            return current.lock_scale(current.enter(estimate))

    def _close_loop(
        self, registered: RegisteredWindow, prediction: Prediction, is_void: Callable[[], bool]
    ) -> RegisteredWindow:
        """Look whether the window is at a revisited place; if it is, correct the map."""
        if not self._config.loop.enable or prediction.descriptors is None:
            return registered
        query = loop_query(registered, prediction.descriptors)
        with self._map_of(is_void) as current:
            verify = self._loops.verification(query, current.graph, current.noise)
        edge = None if verify is None else verify()
        if edge is None:
            return registered
        with self._map_of(is_void) as current:
            try:
                return current.close(registered, edge)
            except AlignmentError:
                _log.warning('a loop was found and could not be closed', exc_info=True)
                return registered

    def _add_layers(
        self,
        registered: RegisteredWindow,
        predicted: PredictedWindow,
        prediction: Prediction,
        is_void: Callable[[], bool],
        on_added: Callable[[MapUpdate, Sequence[int]], None],
    ) -> MapUpdate:
        """Draw the window into the map, and tell what it brought."""
        estimate, config = registered.estimate, predicted.config
        window, refinement = estimate.window, estimate.refinement
        with self._map_of(is_void) as current:
            if refinement is not None:
                new = estimate.is_inlier[window.num_overlap :]
                rows = (window.num_overlap + np.flatnonzero(new)).tolist()
                keep = kept_pixels(estimate.submap, prediction.grid, config.cloud, rows)
                prediction = replace(prediction, keep=keep)
            results = frame_results(
                registered, prediction, current.noise, config.cloud, predicted.queries
            )
            current.add(registered, results)
            inliers = np.flatnonzero(estimate.is_inlier)
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
                refinement=None if refinement is None else refinement.window.report,
            )
            on_added(update, [window.frames[row].id for row in inliers])
        return update

    def _predict(self, frames: Sequence[Frame], request: Request) -> Prediction:
        images, frame_ids = [frame.image for frame in frames], [frame.id for frame in frames]
        with self._network_lock:
            return self._predictor.predict(images, request, frame_ids=frame_ids)


def _request(
    window: Window, points: Sequence[Float32[np.ndarray, '_ 2']], config: VggtConfig
) -> Request:
    return Request(
        query_points=np.concatenate(points) if points else None,
        point_head=config.cloud.point_source == 'point_head',
        filter=config.cloud,
        depth_frames=depth_request(window.set_rows, window.num_overlap_sets),
    )
