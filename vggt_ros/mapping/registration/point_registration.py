"""Overlap registration by points: the similarity between a refined window and the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject
from vggt_ros.geometry.robust import median_and_sigma
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.refinement.bundle_adjustment import DepthPrior
from vggt_ros.mapping.refinement.refined_window import RefinedWindow
from vggt_ros.mapping.registration.registration import Registration
from vggt_ros.mapping.registration.submap import Submap

# Fewer shared points say nothing about the scale.
_MIN_POINTS = 12
# Points of one window err together, as its cameras do: about so many are independent.
_MAX_INDEPENDENT = 30
_MIN_LOG_SCALE_SIGMA, _UNKNOWN_LOG_SCALE_SIGMA = 1e-3, 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedPoints:
    """The same points of the scene in the map and in a window; n of them.

    Attributes:
        in_map: (n, 3) as the overlap reference saw them.
        in_submap: (n, 3) as the new window sees them.
        log_depth_ratio: (n,) of their depth in one camera: in the map over in the window.
    """

    in_map: Float[np.ndarray, 'n 3']
    in_submap: Float[np.ndarray, 'n 3']
    log_depth_ratio: Float[np.ndarray, ' n']


def shared_points(
    refined: RefinedWindow,
    prior: DepthPrior | None,
    in_map: Submap | None,
    frame_ids: Sequence[int],
    num_anchors: int,
) -> SharedPoints:
    """Return the points of which the map knew the depth, where it had them and where they are.

    Args:
        refined: A window without its anchors.
        prior: Depth that the map knew, with its anchors; None if it knew none.
        in_map: Frames of the window that the map has; None if it has none.
        frame_ids: Of the window.
        num_anchors: Cameras of `prior` before those of the window.
    """
    nothing = np.zeros((0, 3))
    if prior is None or in_map is None:
        return SharedPoints(in_map=nothing, in_submap=nothing, log_depth_ratio=np.zeros(0))
    geometry = refined.geometry
    row = prior.row - num_anchors
    use = (row >= 0) & refined.is_inlier[prior.track, np.maximum(row, 0)]
    # Where only rotations were refined, no point has a place.
    use &= np.isfinite(geometry.points[prior.track, 0])
    track, row, depth = prior.track[use], row[use], prior.depth[use]
    old_pose = {
        frame_ids.index(frame_id): pose
        for frame_id, pose in zip(in_map.frame_ids, in_map.ref_from_cam, strict=True)
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


def register_by_points(
    frame_ids: tuple[int, ...],
    map_from_cam: Float[np.ndarray, 'm 4 4'],
    ref_from_cam: Float[np.ndarray, 'm 4 4'],
    shared: SharedPoints,
    median_depth: float,
) -> Registration:
    """Return how a refined window sits in the map that it was adjusted in.

    The oldest cameras that it shares with the map held it while the younger ones gave way: it
    is where it belongs, and the similarity is the identity. What shared cameras and points moved
    by tells how sure that is.

    Args:
        frame_ids: Of the m shared frames, m >= 1.
        map_from_cam: (m, 4, 4) their poses in the map.
        ref_from_cam: (m, 4, 4) their poses in the window.
        shared: The points.
        median_depth: Of the scene, map units.
    """
    turns = map_from_cam[:, :3, :3] @ np.swapaxes(ref_from_cam[:, :3, :3], 1, 2)
    shifts = map_from_cam[:, :3, 3] - ref_from_cam[:, :3, 3]
    count = len(shared.in_map)
    spread, log_scale_sigma = 0.0, _UNKNOWN_LOG_SCALE_SIGMA
    if count >= _MIN_POINTS:
        log_scale, spread = median_and_sigma(shared.log_depth_ratio)
        independent = min(count, _MAX_INDEPENDENT)
        by_spread = 1.25 * spread / float(np.sqrt(independent))
        log_scale_sigma = max(float(np.hypot(by_spread, log_scale)), _MIN_LOG_SCALE_SIGMA)
    return Registration(
        map_from_submap=Sim3(1.0, np.eye(3), np.zeros(3)),
        frame_ids=frame_ids,
        scale_residual=spread,
        log_scale_sigma=log_scale_sigma,
        rotation_residual_rad=float(rotation_angle(turns).max()),
        translation_residual=float(np.linalg.norm(shifts, axis=1).max()) / median_depth,
        num_pixels=count,
    )
