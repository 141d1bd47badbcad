"""The refinement of windows: from what the network says of one to what its images confirm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
import numpy as np
import torch

from vggt_ros.errors import AlignmentError, VerificationError
from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.refinement.anchor import Anchor
from vggt_ros.mapping.refinement.bundle_adjustment import PosePrior
from vggt_ros.mapping.refinement.feature_store import FeatureStore
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures, pack_features
from vggt_ros.mapping.refinement.landmarks import Landmarks, landmarks_of
from vggt_ros.mapping.refinement.network_start import NetworkEstimate
from vggt_ros.mapping.refinement.network_tracks import (
    feature_queries,
    FeatureQueries,
    NetworkTracks,
    with_network_tracks,
)
from vggt_ros.mapping.refinement.refined_window import RefinedWindow
from vggt_ros.mapping.refinement.window_candidate import WindowPriors
from vggt_ros.mapping.refinement.window_refinement import refine_window
from vggt_ros.mapping.registration.known_motion import KnownMotion, NO_MOTION
from vggt_ros.mapping.registration.placement import LastWindow
from vggt_ros.mapping.registration.point_registration import SharedPoints
from vggt_ros.mapping.registration.registration import register
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.mapping.registration.window_depth import agreeing_depth, depth_at, with_map_depth
from vggt_ros.settings.refine_config import RefineSettings

# Cameras of the map are known so well, in radians and median depths: the oldest ones, which hold
# the window, and those that newer images may still correct.
_HELD_ROTATION_RAD, _HELD_TRANSLATION = 2e-4, 5e-4
_FREE_ROTATION_RAD, _FREE_TRANSLATION = 5e-2, 0.2
_NUM_HELD = 2
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
        anchor_poses: submap_from_cam of the anchors that the images confirm, by frame id.
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
        last: LastWindow | None,
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
        in_map = _overlap(window, last)
        known, unit = _in_map(submap, in_map)
        anchors = self._anchors(window, last, in_map)
        num_anchors = len(anchors)
        K_image = np.concatenate(
            [prediction.K_image[:1].repeat(num_anchors, 0), prediction.K_image]
        )
        if self._focal is not None:
            K_image[:, (0, 1), (0, 1)] = self._focal
        seen = self._store.window([*(each.frame for each in anchors), *frames], K_image)
        if followed is not None:
            seen = with_network_tracks(seen, followed, num_anchors)
        track_depth = np.full(seen.tracks.feature.shape, np.nan)
        track_depth[:, num_anchors:] = depth_at(
            with_map_depth(known, in_map), seen.tracks.uv[:, num_anchors:], prediction.grid
        )
        held = np.array([each.map_from_cam for each in anchors]).reshape(-1, 4, 4)
        estimate = NetworkEstimate(
            window_from_cam=np.concatenate([held, known.submap_from_cam]), track_depth=track_depth
        )
        frame_ids = [*(each.frame.id for each in anchors), *submap.frame_ids]
        relative = motion.in_window(num_anchors, is_in_map=in_map is not None)
        priors = WindowPriors(relative=relative)
        if in_map is not None and last is not None:
            priors = WindowPriors(
                poses=_pose_priors(anchors, in_map, frame_ids),
                depth=last.landmarks.prior(frame_ids, seen.tracks),
                relative=relative,
            )
        refined = refine_window(seen, estimate, priors, 1e-3 * self.settings.budget_ms)
        anchor_poses = {
            each.frame.id: refined.geometry.window_from_cam[row]
            for row, each in enumerate(anchors)
            if refined.is_verified[row]
        }
        refined = refined.without_first(num_anchors)
        if self.settings.mode == 'verify':
            refined = _confirmed(refined, known)
        if not refined.is_verified[window.num_overlap :].any():
            raise VerificationError(
                f'the images confirm none of the {len(window.new_frames)} new frames: '
                f'{refined.report.reason} ({refined.report.num_tracks} tracks); the camera is '
                f'covered, or sees too little texture, or moves too fast: refine.max_features, '
                f'keyframe.min_parallax'
            )
        agreeing = known
        if self.settings.mode != 'verify':
            is_late = 1e3 * refined.report.duration_s > self.settings.budget_ms
            agreeing = agreeing_depth(
                known,
                refined,
                prediction,
                in_map,
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
            shared=_shared(refined, priors, in_map, frame_ids, num_anchors),
            unit=unit,
            anchor_poses=anchor_poses,
        )

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

    def _anchors(
        self, window: Window, last: LastWindow | None, in_map: Submap | None
    ) -> list[Anchor]:
        """Return what holds the window beside the frames that it shares with the map."""
        if last is None or in_map is None:
            return []
        return [
            each
            for each in last.anchors
            if each.size == window.frames[0].size and each.frame.id in self._store
        ]


def _confirmed(refined: RefinedWindow, known: Submap) -> RefinedWindow:
    """Return what of the network's own cameras the images confirm: those near the refined ones."""
    poses, geometry = known.submap_from_cam, refined.geometry
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


def _overlap(window: Window, last: LastWindow | None) -> Submap | None:
    """Return the frames of the window that the map has, as it has them."""
    if last is None or not window.num_overlap:
        return None
    ids = [f.id for f in window.frames[: window.num_overlap] if f.id in last.in_map.frame_ids]
    return last.in_map.select(ids) if ids else None


def _pose_priors(
    anchors: Sequence[Anchor], in_map: Submap, frame_ids: Sequence[int]
) -> list[PosePrior]:
    """Return what is known of cameras: the oldest stay, later ones may give way a little."""
    depth = float(np.nanmedian(in_map.depth))
    known = [
        *((row, each.map_from_cam) for row, each in enumerate(anchors)),
        *(
            (frame_ids.index(frame_id), pose)
            for frame_id, pose in zip(in_map.frame_ids, in_map.submap_from_cam, strict=True)
        ),
    ]
    return [
        PosePrior(
            row=row,
            window_from_cam=pose,
            rotation_sigma_rad=_HELD_ROTATION_RAD if i < _NUM_HELD else _FREE_ROTATION_RAD,
            translation_sigma=(_HELD_TRANSLATION if i < _NUM_HELD else _FREE_TRANSLATION) * depth,
        )
        for i, (row, pose) in enumerate(known)
    ]


def _in_map(submap: Submap, in_map: Submap | None) -> tuple[Submap, float]:
    """Bring what the network says to the map by the shared frames, and tell the scale of that."""
    if in_map is None:
        return submap, 1.0
    shared = submap.select(in_map.frame_ids)
    try:
        place = register(in_map, shared).map_from_submap
    except AlignmentError:
        # The images will tell; this is only where to begin.
        with np.errstate(invalid='ignore'):
            ratio = np.nanmedian(in_map.depth / shared.depth)
        scale = float(ratio) if np.isfinite(ratio) else 1.0
        rotation = in_map.submap_from_cam[-1, :3, :3] @ shared.submap_from_cam[-1, :3, :3].T
        shift = in_map.submap_from_cam[-1, :3, 3]
        place = Sim3(scale, rotation, shift - scale * rotation @ shared.submap_from_cam[-1, :3, 3])
    return submap.moved(place), place.scale


def _shared(
    refined: RefinedWindow,
    priors: WindowPriors,
    in_map: Submap | None,
    frame_ids: Sequence[int],
    num_anchors: int,
) -> SharedPoints:
    """Return the points of which the map knew the depth, where it had them and where they are."""
    nothing = np.zeros((0, 3))
    prior = priors.depth
    if prior is None or in_map is None:
        return SharedPoints(in_map=nothing, in_submap=nothing, log_depth_ratio=np.zeros(0))
    geometry = refined.geometry
    row = prior.row - num_anchors
    use = (row >= 0) & refined.is_inlier[prior.track, np.maximum(row, 0)]
    # Where only rotations were refined, no point has a place.
    use &= np.isfinite(geometry.points[prior.track, 0])
    track, row, depth = prior.track[use], row[use], prior.depth[use]
    old_pose = {
        frame_ids.index(frame_id) - num_anchors: pose
        for frame_id, pose in zip(in_map.frame_ids, in_map.submap_from_cam, strict=True)
    }
    before, ratio = np.zeros((len(track), 3)), np.zeros(len(track))
    for camera, pose in old_pose.items():
        mine = row == camera
        uv = refined.tracks.uv[track[mine], camera]
        before[mine] = se3.transform(pose, unproject(uv, depth[mine], geometry.K[camera]))
        cam_from_window = se3.inverse(geometry.window_from_cam[camera])
        z = se3.transform(cam_from_window, geometry.points[track[mine]])[:, 2]
        ratio[mine] = np.log(depth[mine] / z)
    return SharedPoints(in_map=before, in_submap=geometry.points[track], log_depth_ratio=ratio)
