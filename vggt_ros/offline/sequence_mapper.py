"""Sequence mapper: a mapper, and what is kept of a recording while its frames pass."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
import logging
from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import ConfigError, InputError
from vggt_ros.evaluation.frame_sample import FrameSample
from vggt_ros.inference.backbone import Predicts
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.needed_size import reduced, reduced_K, reduced_mask
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.layers.map_update import FrameResult, MapUpdate
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.offline import finish_windows
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.registration.metric_scale import metric_by
from vggt_ros.offline.between_cameras import BetweenCameras
from vggt_ros.offline.between_frames import Poses
from vggt_ros.offline.depth_sample import DepthSample
from vggt_ros.offline.keyframe_store import MeasuredDepth
from vggt_ros.offline.map_history import MapHistory
from vggt_ros.offline.progress import Progress
from vggt_ros.offline.recorded_keyframes import OnDepth, RecordedKeyframes, RefinedKeyframes
from vggt_ros.offline.recorded_priors import camera_frame, RecordedPriors
from vggt_ros.offline.refined_session import refined_session
from vggt_ros.offline.result import MappedWindow, Result, Truth, UNKNOWN_SCALE
from vggt_ros.offline.stage_clock import StageClock, TimedPredictor
from vggt_ros.offline.true_depths import TrueDepths
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.source import SourceFrame

MAX_SAMPLES = 24
_MAX_PATH = 100_000
_log = logging.getLogger(__name__)
OnFeatures = Callable[[FrameResult, KeyframeFeatures], object]


class SequenceMapper:
    """Takes the frames of a recording one by one; memory is bounded but for poses and stamps."""

    def __init__(
        self,
        predictor: Predicts,
        config: VggtConfig,
        *,
        priors: RecordedPriors | None = None,
        on_keyframe: Callable[[FrameResult], object] | None = None,
        on_features: OnFeatures | None = None,
        on_depth: OnDepth | None = None,
        refine_globally: bool = True,
    ) -> None:
        """Start with an empty map.

        Args:
            predictor: The network.
            config: The settings; the path is kept as long as it can be, and a recording whose
                stamps jump back goes on in another segment instead of beginning again.
            priors: Is told what the recording knows, and says how many cameras it has; None for
                one camera that nothing is known of.
            on_keyframe: Called with every frame that enters the map, while its depth is there.
            on_features: The same, with its features, whose points are in the unit of the map then.
            on_depth: Called in the end with every keyframe that has another depth by then, in
                the unit of the map when it came.
            refine_globally: Whether all keyframes are adjusted at once in the end; only where
                the images are asked at all (`refine.mode`).
        """
        self._priors = RecordedPriors() if priors is None else priors
        num_cameras = self._priors.rig.num_cameras
        values: dict[str, Any] = {
            'path.max_size': _MAX_PATH,
            'input.num_cameras': num_cameras,
        }
        if config.input.on_time_jump == 'reset':
            values['input.on_time_jump'] = 'clear'
        self.clock = StageClock()
        self.history = MapHistory()
        timed = TimedPredictor(predictor, self.clock)
        self._mapper = Mapper(
            timed, with_values(config, values), priors=self._priors, offline=True
        )
        self._between = BetweenCameras(self.history, num_cameras)
        self._is_rig = num_cameras > 1
        self._slop_ns = round(1e9 * config.input.sync.slop) if self._is_rig else 0
        self._on_keyframe, self._on_features, self._on_depth = on_keyframe, on_features, on_depth
        self._voxel_size, self._scale_from = config.map.voxel_size, config.scale.source
        self._recorded: RecordedKeyframes | None = None
        if refine_globally and config.refine.verifies:
            self._recorded = RecordedKeyframes(config, self._priors.rig)
        self._is_calibrated = True
        self._stamps_ns: list[int] = []
        self._stamp_shift_ns = 0
        self._cameras: list[int] = []
        self._frame_of: dict[tuple[int, int], int] = {}
        self._truth: list[Float[np.ndarray, '4 4'] | None] = []
        self._true_depths = TrueDepths()
        self._windows: list[MappedWindow] = []
        self._redone: dict[int, DepthSample] = {}
        self._samples = FrameSample[DepthSample](MAX_SAMPLES)
        self._scale = UNKNOWN_SCALE
        self._num_segments = 0
        self._num_keyframes = 0

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Count the time of a block to a stage."""
        return self.clock.stage(name)

    def add(self, source_frame: SourceFrame) -> None:
        """Take the next frame, and work on the windows that are complete."""
        frame = self._frame(source_frame)
        self._truth.append(source_frame.world_from_cam)
        if source_frame.depth is not None:
            self._true_depths.add(frame.id, source_frame.depth)
        self._priors.add(source_frame, frame.stamp_ns)
        with self.stage('map'):
            drops = self._mapper.snapshot().counts.drops
            try:
                self._mapper.add_frame(frame)
            except InputError as error:
                _log.warning('frame %d is not used: %s', frame.id, error)
                return
            now = self._mapper.snapshot().counts.drops
        self._frame_of[frame.camera, frame.stamp_ns] = frame.id
        is_set_over = now.get('not_keyframe', 0) > drops.get('not_keyframe', 0)
        if is_set_over:
            self._priors.forget_depth(frame.stamp_ns - self._slop_ns)
        # Of a rig, frames wait for those of other cameras: which were dropped is not known here.
        if is_set_over or self._is_rig:
            with self.stage('frames'):
                self._between.add(frame)
                if self._between.is_full:
                    self._between.work(self.poses_by_frame(), len(self.history) - 1)
        self._work()

    def finish(self) -> Result:
        """Work on what waits, and return what is known in the end."""
        with self.stage('map'):
            self._mapper.stream.flush()
        self._work()
        with self.stage('frames'):
            poses = self.poses_by_frame()
            self._between.work(poses, len(self.history) - 1, to_the_end=True)
            growth = {i: self._growth(i, poses) for i in poses}
        with self.stage('global'):
            refined = self._refined(poses, growth)
            if refined.scale is not None:
                self._scale = metric_by(refined.scale)
        with self.stage('frames'):
            frames = self._between.poses(self._stamps_ns, self._cameras, refined.map_from_cam)
        self.close()
        views = {
            i: replace(view, map_from_cam=refined.map_from_cam[i], K=refined.K.get(i, view.K))
            for i, view in self._views().items()
        }
        segment_of = dict(zip(views, self._mapper.map.segments(), strict=True))
        points = self._mapper.map.points()[0] if refined.points is None else refined.points
        return Result(
            poses=frames,
            keyframes=np.array(sorted(views), dtype=np.int64),
            views=tuple(views[i] for i in sorted(views)),
            segments=np.array([segment_of[i] for i in sorted(views)], dtype=np.int64),
            growth=np.array([refined.growth[i] for i in sorted(views)], dtype=np.float64),
            points=points,
            voxel_size=self._voxel_size,
            session=refined_session(
                self._mapper.map.session(),
                refined.map_from_cam,
                {i: refined.growth[i] / growth[i] for i in growth},
                self._scale,
            ),
            counts=self._mapper.snapshot().counts,
            rig=self._priors.rig,
            num_segments=self._num_segments,
            loops=self._mapper.map.loops(),
            scale=self._scale,
            windows=tuple(self._windows),
            refinement=refined.report,
            depth=refined.depth,
            positions=refined.positions,
            samples=tuple(self._redone.get(s.frame_id, s) for s in self._samples.frames()),
            truth=self._known_truth(),
            seconds=dict(self.clock.seconds) | {'total': self.clock.total_s()},
        )

    def close(self) -> None:
        """End what works beside it, as after an error; `finish` has done so."""
        self._between.close()
        self._true_depths.close()

    def progress(self, num_frames: int | None) -> Progress:
        """Return how far it is.

        Args:
            num_frames: Of the recording, None if unknown.
        """
        now = self._mapper.snapshot()
        return Progress(
            num_done=len(self._stamps_ns),
            num_frames=num_frames,
            elapsed_s=self.clock.total_s(),
            state=now.state,
            num_keyframes=self._num_keyframes,
            num_loops=now.num_loops,
            is_metric=self._scale.is_metric,
            meters_per_unit=self._scale.meters_per_unit,
            log_sigma=self._scale.log_sigma,
        )

    def poses_by_frame(self) -> dict[int, Float[np.ndarray, '4 4']]:
        """Return the poses of the keyframes, now."""
        return {i: view.map_from_cam for i, view in self._views().items()}

    def _views(self) -> dict[int, CameraView]:
        views = self._mapper.map.views()
        return {self._frame_of[view.camera, view.stamp_ns]: view for view in views}

    def _growth(self, frame_id: int, poses: Poses) -> float:
        window = self.history.window_of(frame_id)
        return 1.0 if window is None else self.history.growth(window, poses)

    def _refined(self, poses: Poses, growth: dict[int, float]) -> RefinedKeyframes:
        why = 'not asked for'
        if self._recorded is not None:
            try:
                return self._recorded.refined(
                    dict(poses),
                    growth,
                    is_calibrated=self._is_calibrated,
                    known=self._scale,
                    odom_from_cam=self._told(poses, self._odom_from_cam, 'odometry'),
                    fixes=self._told(poses, self._priors.fix, 'gnss'),
                    on_depth=self._take_depth,
                )
            except ConfigError as error:
                why = str(error)
                _log.warning('the map is not refined globally: %s', why)
            finally:
                self._recorded.close()
        return RefinedKeyframes.kept(
            poses, growth, why, num_keyframes=len(poses), num_fixes=self._priors.num_fixes
        )

    def _odom_from_cam(self, stamp_ns: int, camera: int) -> Float[np.ndarray, '4 4'] | None:
        return self._priors.odom_from_cam(stamp_ns, camera_frame(camera))

    def _told(
        self, poses: Poses, ask: Callable[[int, int], Any], source: str
    ) -> dict[int, Any] | None:
        """Return what is known of keyframes by their stamps, if it may give metric scale."""
        if self._scale_from not in ('auto', source):
            return None
        at_ns, cameras = self._stamps_ns, self._cameras
        return {i: ask(at_ns[i] + self._stamp_shift_ns, cameras[i]) for i in poses}

    def _frame(self, source_frame: SourceFrame) -> Frame:
        stamp_ns = source_frame.stamp_ns
        if not self._stamps_ns:
            # The mapper takes a stamp of 0 for one that was never set.
            self._stamp_shift_ns = max(0, 1 - stamp_ns)
        self._stamps_ns.append(stamp_ns)
        self._cameras.append(source_frame.camera)
        image, K, is_seen = source_frame.image, source_frame.K, source_frame.is_seen
        self._is_calibrated &= K is not None
        return Frame(
            id=len(self._stamps_ns) - 1,
            stamp_ns=stamp_ns + self._stamp_shift_ns,
            camera_frame=camera_frame(source_frame.camera),
            camera=source_frame.camera,
            image=reduced(image),
            K=None if K is None else reduced_K(K, image.shape[1], image.shape[0]),
            is_seen=None if is_seen is None else reduced_mask(is_seen),
        )

    def _work(self) -> None:
        started_s = self.clock.total_s()
        windows = finish_windows(self._mapper, Wanted(tracks=False))
        while True:
            with self.stage('map'):
                finished = next(windows, None)
            if finished is None:
                return
            if finished.error is not None:
                _log.info('a window did not enter the map: %s', finished.error)
            with self.stage('frames'):
                self._take(finished.window, finished.update)
            now_s = self.clock.total_s()
            window, update, error = finished.window, finished.update, finished.error
            self._windows.append(MappedWindow.of(window, update, error, now_s - started_s))
            started_s = now_s

    def _take(self, window: Window, update: MapUpdate | None) -> None:
        entered = set()
        if update is not None:
            self._scale = update.scale_state
            if window.num_overlap == 0 or self._num_segments == 0:
                self._num_segments += 1
            entered = {result.frame.id for result in update.new_frames}
        for frame in window.new_frames:
            if frame.id not in entered and len(frame.image):
                self._between.add(frame)
        if update is None:
            return
        growth = 1.0 if update.correction is None else update.correction.scale
        if growth != 1.0:
            self._between.scale(growth)
        poses = self.poses_by_frame()
        number = self.history.add([frame.id for frame in window.frames], poses, growth)
        for result in update.new_frames:
            self._take_keyframe(result)
        self._between.work(poses, number)
        self._between.forget()

    def _take_keyframe(self, result: FrameResult) -> None:
        self._num_keyframes += 1
        self._between.add_keyframe(result, self._num_segments)
        if self._recorded is not None:
            self._recorded.add(result, self._between.features_of(result))
        if self._on_features is not None:
            self._on_features(result, self._between.features_of(result))
        self._samples.add(DepthSample.of(result))
        if self._on_keyframe is not None:
            self._on_keyframe(result)
        self._true_depths.compare(result)

    def _take_depth(self, frame_id: int, measured: MeasuredDepth) -> None:
        self._true_depths.compare_again(frame_id, measured.depth)
        for sample in self._samples.frames():
            if sample.frame_id == frame_id:
                self._redone[frame_id] = replace(
                    sample, depth=measured.depth, confidence=measured.confidence
                )
        if self._on_depth is not None:
            self._on_depth(frame_id, measured)

    def _known_truth(self) -> Truth | None:
        depths = self._true_depths.errors
        if all(pose is None for pose in self._truth) and not depths:
            return None
        poses = [np.full((4, 4), np.nan) if pose is None else pose for pose in self._truth]
        return Truth(world_from_cam=np.array(poses), depths=depths)
