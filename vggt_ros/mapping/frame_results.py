"""Frame results: what a registered window tells about each of its new frames."""

from __future__ import annotations

from jaxtyping import Bool, Float, Float32
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import (
    compose,
    isotropic,
    pose_covariance,
    unknown_pose_covariance,
)
from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.backend.registered_window import RegisteredWindow
from vggt_ros.mapping.layers.map_update import FrameResult, Motion
from vggt_ros.mapping.layers.track_registry import frame_tracks, Queries
from vggt_ros.mapping.registration.moving_pixels import moving_pixels
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel
from vggt_ros.mapping.registration.window_depth import kept_pixels
from vggt_ros.settings.config import CloudSettings
from vggt_ros.settings.world_config import MapSettings

_MIN_WAY = 0.02  # median depths


def frame_results(
    registered: RegisteredWindow,
    prediction: Prediction,
    noise: PoseErrorModel,
    settings: CloudSettings,
    queries: Queries | None,
    map_settings: MapSettings | None = None,
) -> tuple[FrameResult, ...]:
    """Return the results of the frames that the map does not have yet, oldest first.

    Args:
        registered: The window, where it is in the map.
        prediction: The network's answer; its images and tracks are used, and which pixels are
            worth a point, unless the images were asked.
        noise: Of the network's poses.
        settings: The filters that need the unit of the map; the others are in the prediction.
        queries: Which points the tracks of the prediction are about, None if there are none.
        map_settings: Of the map that they are drawn into; None for one that keeps what moves.
    """
    window, in_map = registered.estimate.window, registered.in_map
    covariances, descriptors = _covariances(registered, noise), prediction.descriptors
    kept = prediction.keep
    if registered.estimate.refinement is not None:
        new = np.flatnonzero(registered.estimate.is_inlier)
        rows = new[new >= window.num_overlap].tolist()
        kept = kept_pixels(registered.estimate.submap, prediction.grid, settings, rows)
    moves = _moving(registered, prediction, map_settings)
    results = []
    for i in range(window.num_overlap, len(window.frames)):
        if not registered.estimate.is_inlier[i]:
            continue
        keep = kept[i] & is_in_range(in_map.points_in_cam[i, ..., 2], settings)
        tracks = None
        if queries is not None and prediction.tracks is not None:
            tracks = frame_tracks(queries, prediction.tracks, i, in_map.depth[i], in_map.K[i])
        results.append(
            FrameResult(
                frame=window.frames[i],
                image=prediction.images[i],
                depth=in_map.depth[i],
                confidence=in_map.confidence[i],
                points_in_cam=in_map.points_in_cam[i],
                keep=keep,
                moves=None if moves is None else moves[i],
                K=in_map.K[i],
                K_image=prediction.grid.K_image_from_model(in_map.K[i]),
                map_from_cam=in_map.ref_from_cam[i],
                covariance=covariances[i],
                motion=_motion(registered, i, noise),
                descriptor=None if descriptors is None else descriptors[i],
                tracks=tracks,
            )
        )
    return tuple(results)


def _moving(
    registered: RegisteredWindow, prediction: Prediction, settings: MapSettings | None
) -> Bool[np.ndarray, 'S H W'] | None:
    if settings is None or not settings.enable or settings.dynamic != 'remove':
        return None
    estimate = registered.estimate
    refined = None if estimate.refinement is None else estimate.refinement.window
    return moving_pixels(registered.in_map, refined, prediction.grid, estimate.is_inlier)


def _motion(registered: RegisteredWindow, row: int, noise: PoseErrorModel) -> Motion | None:
    """Return the step to a frame from the inlier of its camera before it in the window."""
    frames, is_inlier = registered.estimate.window.frames, registered.estimate.is_inlier
    before = [i for i in range(row) if is_inlier[i] and frames[i].camera == frames[row].camera]
    if not before:
        return None
    in_map, previous = registered.in_map, before[-1]
    step = se3.inverse(in_map.ref_from_cam[previous]) @ in_map.ref_from_cam[row]
    way = float(np.linalg.norm(step[:3, 3]))
    median_depth = float(np.nanmedian(in_map.depth))
    # On the spot the network errs, too.
    way = max(way, _MIN_WAY * median_depth)
    return Motion(
        previous_stamp_ns=frames[previous].stamp_ns,
        previous_from_cam=step,
        covariance=_own_error(noise, way, median_depth),
    )


def _own_error(noise: PoseErrorModel, way: float, median_depth: float) -> Float[np.ndarray, '7 7']:
    rotation_rad, shift = noise.over(way / median_depth)
    return isotropic(rotation_rad, shift * median_depth, 0.0)


def _covariances(
    registered: RegisteredWindow, noise: PoseErrorModel
) -> list[Float[np.ndarray, '6 6']]:
    """Return how sure the poses are: that of the first camera, and errors that grow from there."""
    in_map = registered.in_map
    if registered.placed.segment != 0:
        return [unknown_pose_covariance()] * len(in_map.frame_ids)
    median_depth = float(np.nanmedian(in_map.depth))
    first = in_map.ref_from_cam[0]
    covariances = []
    for pose in in_map.ref_from_cam:
        first_from_cam = se3.inverse(first) @ pose
        way = float(np.linalg.norm(first_from_cam[:3, 3]))
        own = _own_error(noise, way, median_depth)
        step = Sim3(1.0, first_from_cam[:3, :3], first_from_cam[:3, 3])
        covariances.append(pose_covariance(compose(registered.placed.covariance, step, own), pose))
    return covariances


def is_in_range(
    depth: Float32[np.ndarray, 'H W'], settings: CloudSettings
) -> Bool[np.ndarray, 'H W']:
    """Return True where depth is within `cloud.min_depth` and `cloud.max_depth`, map units."""
    in_range = np.isfinite(depth)
    if settings.min_depth > 0:
        in_range &= depth >= settings.min_depth
    if settings.max_depth > 0:
        in_range &= depth <= settings.max_depth
    return in_range
