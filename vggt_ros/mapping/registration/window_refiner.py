"""The refinement of windows: from what the network says of one to what its images confirm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jaxtyping import Float
import numpy as np
import torch

from vggt_ros.errors import VerificationError
from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.refinement.bundle_adjustment import DepthPrior
from vggt_ros.mapping.refinement.feature_store import FeatureStore
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures, pack_features
from vggt_ros.mapping.refinement.landmarks import Landmarks, landmarks_of
from vggt_ros.mapping.refinement.network_tracks import (
    feature_queries,
    FeatureQueries,
    NetworkTracks,
    with_network_tracks,
)
from vggt_ros.mapping.refinement.refined_window import RefinedWindow
from vggt_ros.mapping.refinement.window_refinement import refine_window
from vggt_ros.mapping.refinement.window_tracks import WindowTracks
from vggt_ros.mapping.registration.known_motion import KnownMotion, NO_MOTION
from vggt_ros.mapping.registration.placement import OverlapReference
from vggt_ros.mapping.registration.point_registration import shared_points, SharedPoints
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.mapping.registration.window_depth import agreeing_depth
from vggt_ros.mapping.registration.window_start import window_start, WindowStart
from vggt_ros.settings.refine_config import RefineSettings

# To be confirmed, a camera of the network may be so far off, degrees and median depths.
_MAX_TURN_RAD, _MAX_SHIFT = np.radians(3.0), 0.05
# Windows whose focal length counts for an uncalibrated camera.
_MAX_FOCALS = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refinement:
    """A window as its images have it.

    Attributes:
        submap: In the frame and unit of the map if it shares verified frames with it, else in the
            network's.
        window: What the images say.
        features: What the new verified frames show, by id, with points in the unit of `submap`.
        landmarks: Depth of the features of its verified frames, units of `submap`.
        shared: Points that the map has, too.
        unit: Units of `submap` per unit of the network's prediction.
        anchor_poses: ref_from_cam of the anchors that the images confirm, by frame id.
    """

    submap: Submap
    window: RefinedWindow
    features: Mapping[int, KeyframeFeatures]
    landmarks: Landmarks
    shared: SharedPoints
    unit: float
    anchor_poses: Mapping[int, Float[np.ndarray, '4 4']]


class WindowRefiner:
    """Refines windows; keeps the features of the frames that may be in the next one."""

    def __init__(
        self, settings: RefineSettings, max_frames: int, num_shared: int, device: torch.device
    ) -> None:
        """Start without features.

        Args:
            settings: `refine.*`.
            max_frames: Frames that may be in a window or wait for one.
            num_shared: Frames that a window shares with the map, its anchors included.
            device: Where images are compared pixel by pixel.
        """
        self.settings = settings
        self._num_shared = num_shared
        self._device = device
        self._store = FeatureStore(settings.max_features, max_frames)
        self._focal: float | None = None
        self._num_focals = 0

    def clear(self) -> None:
        """Forget all features."""
        self._store.clear()
        self._focal = None
        self._num_focals = 0

    def prepare(self, frame: Frame) -> None:
        """Detect and match the features of a frame before its window is complete."""
        self._store.prepare(frame, self._num_shared)

    def queries(self, first: Frame, grid: ImageGrid) -> FeatureQueries | None:
        """Return the features of the first frame of a window that the network is to follow."""
        if first.size != (grid.image_width, grid.image_height):
            return None
        return feature_queries(self._store.features(first).uv, grid)

    def refine(
        self,
        window: Window,
        prediction: Prediction,
        submap: Submap,
        last: OverlapReference | None,
        motion: KnownMotion = NO_MOTION,
        followed: NetworkTracks | None = None,
    ) -> Refinement:
        """Refine a window.

        Args:
            window: Its frames.
            prediction: The network's answer.
            submap: The same as a submap.
            last: What the map has; its verified frames hold the window.
            motion: What wheels and rig say of the frames.
            followed: Where the network sees features of the first frame, if it was asked.

        Raises:
            VerificationError: The images confirm none of the new frames.
        """
        frames = window.frames
        start = window_start(window, submap, last, self._store)
        seen = self._seen(window, prediction, start, followed)
        refined, known_depth = self._solve(seen, prediction, start, motion)
        if not refined.is_verified.any() and self._finds_more(window, start, refined):
            # What the network followed were features of the first look.
            seen = self._seen(window, prediction, start, None)
            refined, known_depth = self._solve(seen, prediction, start, motion)
        anchor_poses = {
            each.frame.id: refined.geometry.window_from_cam[row]
            for row, each in enumerate(start.anchors)
            if refined.is_verified[row]
        }
        refined = refined.without_first(start.num_anchors)
        if self.settings.mode == 'verify':
            refined = _confirmed(refined, start.known)
        if not refined.is_verified[window.num_overlap :].any():
            raise VerificationError(
                f'the images confirm none of the {len(window.new_frames)} new frames: '
                f'{refined.report.reason} ({refined.report.num_tracks} tracks); the camera is '
                f'covered, or sees too little texture, or moves too fast: refine.max_features, '
                f'keyframe.min_parallax'
            )
        agreeing = start.known
        if self.settings.mode != 'verify':
            is_late = 1e3 * refined.report.duration_s > self.settings.budget_ms
            agreeing = agreeing_depth(
                start.known,
                refined,
                prediction,
                start.in_map,
                sweeps=self.settings.mode == 'depth' and not is_late,
                device=self._device,
            )
        self._remember_focal(window, refined)
        counts = [len(self._store.features(frame)) for frame in frames]
        landmarks = landmarks_of(refined, submap.frame_ids, counts)
        return Refinement(
            submap=agreeing,
            window=refined,
            features=self._keyframe_features(window, refined, landmarks),
            landmarks=landmarks,
            shared=shared_points(
                refined, known_depth, start.in_map, submap.frame_ids, start.num_anchors
            ),
            unit=start.unit,
            anchor_poses=anchor_poses,
        )

    def _seen(
        self,
        window: Window,
        prediction: Prediction,
        start: WindowStart,
        followed: NetworkTracks | None,
    ) -> WindowTracks:
        """Return what the images of the window and its anchors share."""
        num_anchors = start.num_anchors
        K_image = np.concatenate(
            [prediction.K_image[:1].repeat(num_anchors, 0), prediction.K_image]
        )
        if self._focal is not None:
            K_image[:, (0, 1), (0, 1)] = self._focal
        anchors = [each.frame for each in start.anchors]
        seen = self._store.window([*anchors, *window.frames], K_image)
        return seen if followed is None else with_network_tracks(seen, followed, num_anchors)

    def _solve(
        self, seen: WindowTracks, prediction: Prediction, start: WindowStart, motion: KnownMotion
    ) -> tuple[RefinedWindow, DepthPrior | None]:
        """Return what the images say, and what the map knew of their points."""
        relative = motion.in_window(start.num_anchors, is_in_map=start.in_map is not None)
        priors = start.priors(seen.tracks, relative)
        estimate = start.estimate(seen.tracks, prediction.grid)
        refined = refine_window(seen, estimate, priors, 1e-3 * self.settings.budget_ms)
        return refined, priors.depth

    def _finds_more(self, window: Window, start: WindowStart, refined: RefinedWindow) -> bool:
        """Look closer where nothing hangs on the features that are known, and time is left."""
        if start.in_map is not None or 2e3 * refined.report.duration_s > self.settings.budget_ms:
            return False
        return self._store.detect_more(window.frames)

    def _remember_focal(self, window: Window, refined: RefinedWindow) -> None:
        """Take in the focal length that an uncalibrated window showed: a camera has one."""
        if refined.report.method != 'adjusted' or window.frames[0].K is not None:
            return
        found = float(refined.geometry.K[-1, 0, 0])
        self._num_focals = min(self._num_focals + 1, _MAX_FOCALS)
        before = found if self._focal is None else self._focal
        self._focal = before * (found / before) ** (1.0 / self._num_focals)

    def _keyframe_features(
        self, window: Window, refined: RefinedWindow, landmarks: Landmarks
    ) -> dict[int, KeyframeFeatures]:
        found = {}
        for row in range(window.num_overlap, len(window.frames)):
            if refined.is_verified[row]:
                frame, K = window.frames[row], refined.geometry.K[row]
                features = self._store.features(frame)
                depth = landmarks.of_frame[frame.id].depth
                points = unproject(features.uv.astype(np.float64), depth, K)
                found[frame.id] = pack_features(features, points, K, frame.size)
        return found


def _confirmed(refined: RefinedWindow, known: Submap) -> RefinedWindow:
    """Return what of the network's own cameras the images confirm: those near the refined ones."""
    poses, geometry = known.ref_from_cam, refined.geometry
    rows = np.flatnonzero(refined.is_verified)
    if not len(rows):
        return refined
    first = rows[0]
    cam_from_first = se3.inverse(poses) @ poses[first]
    refined_from_first = se3.inverse(geometry.window_from_cam) @ geometry.window_from_cam[first]
    difference = cam_from_first @ se3.inverse(refined_from_first)
    limit = _MAX_SHIFT * float(np.nanmedian(known.depth))
    is_near = rotation_angle(difference[:, :3, :3]) <= _MAX_TURN_RAD
    is_near &= np.linalg.norm(difference[:, :3, 3], axis=1) <= limit
    return replace(
        refined,
        geometry=replace(geometry, window_from_cam=poses),
        is_verified=refined.is_verified & is_near,
        report=refined.report
        if is_near[rows].all()
        else replace(refined.report, reason="the network's cameras are not where the images say"),
    )
