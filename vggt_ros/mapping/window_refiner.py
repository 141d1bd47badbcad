"""The refinement of windows: from what the network says of one to what its images confirm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.errors import AlignmentError, VerificationError
from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject, unproject_depth
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.frame import Frame
from vggt_ros.mapping.placement import LastWindow
from vggt_ros.mapping.point_registration import SharedPoints
from vggt_ros.mapping.refinement.anchor import Anchor
from vggt_ros.mapping.refinement.bundle_adjustment import PosePrior
from vggt_ros.mapping.refinement.feature_store import FeatureStore
from vggt_ros.mapping.refinement.landmarks import Landmarks, landmarks_of
from vggt_ros.mapping.refinement.network_start import NetworkEstimate
from vggt_ros.mapping.refinement.refined_window import RefinedWindow
from vggt_ros.mapping.refinement.window_refinement import refine_window, WindowPriors
from vggt_ros.mapping.registration import register
from vggt_ros.mapping.submap import Submap
from vggt_ros.mapping.window import Window
from vggt_ros.refine_config import RefineSettings

# Cameras of the map are known so well, in radians and median depths: those that new images may
# still correct, and those before.
_SHARED_ROTATION_RAD, _SHARED_TRANSLATION = 2e-3, 5e-3
_HELD_ROTATION_RAD, _HELD_TRANSLATION = 2e-4, 5e-4
_MIN_FACTOR_POINTS = 12
_MIN_POINT_ANGLE_RAD = np.radians(1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refinement:
    """A window as its images have it.

    Attributes:
        submap: In the frame and unit of the map if it shares verified frames with it, else in the
            network's.
        window: What the images say.
        landmarks: Depth of the features of its verified frames, units of `submap`.
        shared: Points that the map has, too.
        unit: Units of `submap` per unit of the network's prediction.
    """

    submap: Submap
    window: RefinedWindow
    landmarks: Landmarks
    shared: SharedPoints
    unit: float


class WindowRefiner:
    """Refines windows; keeps the features of the frames that may be in the next one."""

    def __init__(self, settings: RefineSettings, max_frames: int) -> None:
        """Start without features.

        Args:
            settings: `refine.*`.
            max_frames: Frames that may be in a window or wait for one.
        """
        self.settings = settings
        self._store = FeatureStore(settings.max_features, max_frames)

    def clear(self) -> None:
        """Forget all features."""
        self._store.clear()

    def prepare(self, frame: Frame) -> None:
        """Detect the features of a frame before its window is complete."""
        self._store.features(frame)

    def refine(
        self, window: Window, prediction: Prediction, submap: Submap, last: LastWindow | None
    ) -> Refinement:
        """Refine a window.

        Args:
            window: Its frames.
            prediction: The network's answer.
            submap: The same as a submap.
            last: What the map has; its verified frames hold the window.

        Raises:
            VerificationError: The images confirm none of the new frames.
        """
        frames = window.frames
        in_map = _overlap(window, last)
        known, unit = _in_map(submap, in_map)
        anchors = self._anchors(window, last, in_map)
        num_anchors = len(anchors)
        seen = self._store.window(
            [*(each.frame for each in anchors), *frames],
            np.concatenate([prediction.K_image[:1].repeat(num_anchors, 0), prediction.K_image]),
        )
        track_depth = np.full(seen.tracks.feature.shape, np.nan)
        track_depth[:, num_anchors:] = _sample(
            _best_depth(known, in_map), seen.tracks.uv[:, num_anchors:], prediction.grid
        )
        held = np.array([each.map_from_cam for each in anchors]).reshape(-1, 4, 4)
        estimate = NetworkEstimate(
            window_from_cam=np.concatenate([held, known.submap_from_cam]), track_depth=track_depth
        )
        frame_ids = [*(each.frame.id for each in anchors), *submap.frame_ids]
        priors = WindowPriors()
        if in_map is not None and last is not None:
            priors = WindowPriors(
                poses=_pose_priors(anchors, in_map, frame_ids),
                depth=last.landmarks.prior(frame_ids, seen.tracks),
            )
        refined = refine_window(seen, estimate, priors).without_first(num_anchors)
        if not refined.is_verified[window.num_overlap :].any():
            raise VerificationError(
                f'the images confirm none of the {len(window.new_frames)} new frames: '
                f'{refined.report.reason} ({refined.report.num_tracks} tracks); the camera is '
                f'covered, or sees too little texture, or moves too fast: refine.max_features, '
                f'keyframe.min_parallax'
            )
        agreeing = _agreeing(known, refined, prediction.grid)
        counts = [len(self._store.features(frame)) for frame in frames]
        landmarks = landmarks_of(refined, submap.frame_ids, counts)
        return Refinement(
            submap=agreeing,
            window=refined,
            landmarks=landmarks,
            shared=_shared(refined, priors, in_map, frame_ids, num_anchors),
            unit=unit,
        )

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


def _overlap(window: Window, last: LastWindow | None) -> Submap | None:
    """Return the frames of the window that the map has, as it has them."""
    if last is None or not window.num_overlap:
        return None
    ids = [f.id for f in window.frames[: window.num_overlap] if f.id in last.in_map.frame_ids]
    return last.in_map.select(ids) if ids else None


def _pose_priors(
    anchors: Sequence[Anchor], in_map: Submap, frame_ids: Sequence[int]
) -> list[PosePrior]:
    """Return what is known of cameras: anchors stay, shared frames may give way a little."""
    depth = float(np.nanmedian(in_map.depth))
    held = [
        PosePrior(
            row=row,
            window_from_cam=each.map_from_cam,
            rotation_sigma_rad=_HELD_ROTATION_RAD,
            translation_sigma=_HELD_TRANSLATION * depth,
        )
        for row, each in enumerate(anchors)
    ]
    return held + [
        PosePrior(
            row=frame_ids.index(frame_id),
            window_from_cam=pose,
            rotation_sigma_rad=_SHARED_ROTATION_RAD,
            translation_sigma=_SHARED_TRANSLATION * depth,
        )
        for frame_id, pose in zip(in_map.frame_ids, in_map.submap_from_cam, strict=True)
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


def _best_depth(submap: Submap, in_map: Submap | None) -> Float32[np.ndarray, 'S H W']:
    """Return the depth of a window, that of the map where it has one."""
    if in_map is None or in_map.depth.shape[1:] != submap.depth.shape[1:]:
        return submap.depth
    depth = submap.depth.copy()
    for frame_id, image in zip(in_map.frame_ids, in_map.depth, strict=True):
        if np.isfinite(image).any():
            depth[submap.frame_ids.index(frame_id)] = image
    return depth


def _sample(
    depth: Float32[np.ndarray, 'S H W'], uv: Float[np.ndarray, 'N S 2'], grid: ImageGrid
) -> Float[np.ndarray, 'N S']:
    """Return the depth at pixels of the camera's images: that of the nearest of its own."""
    at = grid.model_from_image(uv)
    is_seen = np.isfinite(at[..., 0])
    columns = np.rint(np.where(is_seen, at[..., 0], 0.0)).astype(int)
    rows = np.rint(np.where(is_seen, at[..., 1], 0.0)).astype(int)
    height, width = depth.shape[1:]
    is_seen &= (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    image = np.broadcast_to(np.arange(depth.shape[0]), is_seen.shape)
    found = depth[image, rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return np.where(is_seen & (found > 0), found, np.nan).astype(np.float64)


def _agreeing(submap: Submap, refined: RefinedWindow, grid: ImageGrid) -> Submap:
    """Return the window with refined cameras and depth that agrees with its points."""
    geometry = refined.geometry
    K = np.stack([grid.K_model_from_image(each) for each in geometry.K])
    cam_from_window = se3.inverse(geometry.window_from_cam)
    depth = submap.depth.copy()
    known = _sample(depth, refined.tracks.uv, grid)
    use = refined.is_inlier & (refined.point_angle_rad > _MIN_POINT_ANGLE_RAD)[:, None]
    for row in range(len(depth)):
        rows = np.flatnonzero(use[:, row] & np.isfinite(known[:, row]))
        if len(rows) >= _MIN_FACTOR_POINTS:
            z = se3.transform(cam_from_window[row], geometry.points[rows])[:, 2]
            depth[row] *= np.float32(np.exp(np.median(np.log(z / known[rows, row]))))
    return replace(
        submap,
        depth=depth,
        points_in_cam=np.stack([unproject_depth(d, k) for d, k in zip(depth, K, strict=True)]),
        K=K,
        submap_from_cam=geometry.window_from_cam,
        focal_ratio=submap.focal_ratio,
    )


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
    use = (row >= 0) & refined.is_inlier[prior.track, row]
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
