"""Placement of a window in the map: first, by overlap registration, or by odometry."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.plausible import implausible
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.refinement.anchor import Anchor
from vggt_ros.mapping.refinement.landmarks import Landmarks, NO_LANDMARKS
from vggt_ros.mapping.registration.point_registration import register_by_points, SharedPoints
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel
from vggt_ros.mapping.registration.registration import continue_from, register, Registration
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.mapping.registration.window_priors import WindowPriors
from vggt_ros.mapping.registration.z_up import first_map_from_cam, first_map_from_submap

# Odometry errs by this part of the path length, and in rotation by so much per meter.
ODOM_DRIFT, ODOM_TURN_RAD_PER_M = 0.03, 0.02
# How sure the scale of a window is that shares no frame: seen by odometry, or guessed.
_BRIDGED_LOG_SIGMA, _GUESSED_LOG_SIGMA = 0.05, 0.7
# Least standard deviations of a registration: rounding and the pixels' size.
_MIN_TURN_RAD, _MIN_SHIFT = 5e-4, 1e-3
# A network brings every window to about unit size: from one to the next its unit changes as much
# as what is in sight does, from a hall to a box of screws, and no more.
_MAX_UNIT_STEP = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OverlapReference:
    """What the next window is registered to.

    Attributes:
        submap_id: The map's last submap.
        in_map: Its last frames, in map units.
        inconsistency: (n,) how much each of them disagrees with its window.
        map_from_first: (4, 4) pose of that window's first camera.
        map_from_odom: (4, 4) rigid, where the odometry's frame was in the map; None if there was
            no odometry.
        unit: Map units per unit of what the network said of that window.
        landmarks: Depth of the features of its frames, map units; none without refinement.
        anchors: Verified frames before those, oldest first; none without refinement.
    """

    submap_id: int
    in_map: Submap
    inconsistency: Float[np.ndarray, ' n']
    map_from_first: Float[np.ndarray, '4 4']
    map_from_odom: Float[np.ndarray, '4 4'] | None
    unit: float
    landmarks: Landmarks = NO_LANDMARKS
    anchors: tuple[Anchor, ...] = ()

    def moved(self, map_from_old_map: Sim3) -> OverlapReference:
        """Return the same after a correction of the map."""
        odom = self.map_from_odom
        return replace(
            self,
            in_map=self.in_map.moved(map_from_old_map),
            map_from_first=map_from_old_map.apply_to_pose(self.map_from_first),
            map_from_odom=None if odom is None else map_from_old_map.apply_to_pose(odom),
            unit=self.unit * map_from_old_map.scale,
            landmarks=self.landmarks.scaled(map_from_old_map.scale),
            anchors=tuple(each.moved(map_from_old_map) for each in self.anchors),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """Where a window is in the map.

    Attributes:
        map_from_submap: The similarity.
        scale_residual: As in `MapUpdate`.
        log_scale_sigma: Standard deviation of the log of its scale relative to the window before.
        covariance: (7, 7) of where its first camera is seen from that of the window before;
            None if nothing connects the two.
    """

    map_from_submap: Sim3
    scale_residual: float
    log_scale_sigma: float
    covariance: Float[np.ndarray, '7 7'] | None

    def in_map(self, submap: Submap) -> Submap:
        """Return the window in map units.

        Raises:
            AlignmentError: A camera is beyond all bounds: the whole map would be spoiled by it.
        """
        moved = submap.moved(self.map_from_submap)
        problems = (implausible(pose) for pose in moved.ref_from_cam)
        problem = next(filter(None, problems), '')
        if problem:
            raise AlignmentError(
                f'the window has no place in the map: of a camera {problem}; it is not used: look '
                f'at what TF says of the robot'
            )
        return moved


def place_first(
    submap: Submap, is_inlier: Bool[np.ndarray, ' S'], view: WindowPriors, scale: float
) -> Placement:
    """Return where the first window of a map is.

    Args:
        submap: The window.
        is_inlier: (S,) False for frames that must not decide it.
        view: What the robot says.
        scale: Map units per unit of the window.
    """
    row = int(np.argmax(is_inlier))
    start = first_map_from_submap(submap.ref_from_cam[row], first_map_from_cam(view, row), scale)
    return Placement(
        map_from_submap=start, scale_residual=0.0, log_scale_sigma=0.0, covariance=None
    )


def place_by_overlap(
    window: Window,
    submap: Submap,
    is_inlier: Bool[np.ndarray, ' S'],
    inconsistency: Float[np.ndarray, ' S'],
    last: OverlapReference,
    noise: PoseErrorModel,
    shared_points: SharedPoints | None = None,
) -> Placement:
    """Return where a window is that shares frames with the map.

    Args:
        window: Its frames; at least one of them is shared.
        submap: What the network says of them.
        is_inlier: (S,) False for frames that must not decide it.
        inconsistency: (S,) how much each disagrees with the others.
        last: What the map has.
        noise: Of the network's poses; it learns from the overlap.
        shared_points: Points that a refined window shares with the map; None for a window that
            was not refined: its depth is compared instead.

    Raises:
        AlignmentError: The shared frames do not determine it.
    """
    rows = [i for i in range(window.num_overlap) if is_inlier[i]]
    if not rows:
        raise AlignmentError(
            f'none of the {window.num_overlap} frames that the window shares with the map agrees '
            f'with the rest of it; the new window is not used'
        )
    shared = [submap.frame_ids[i] for i in rows]
    in_map, in_submap = last.in_map.select(shared), submap.select(shared)
    if shared_points is None:
        known = dict(zip(last.in_map.frame_ids, last.inconsistency, strict=True))
        both = np.fmax(inconsistency[rows], np.array([known[i] for i in shared]))
        seam = register(in_map, in_submap, both)
    else:
        seam = register_by_points(
            in_map.frame_ids,
            in_map.ref_from_cam,
            in_submap.ref_from_cam,
            shared_points,
            float(np.nanmedian(in_map.depth)),
        )
    _learn(noise, in_map.select(seam.frame_ids), in_submap.select(seam.frame_ids), seam)
    return Placement(
        map_from_submap=seam.map_from_submap,
        scale_residual=seam.scale_residual,
        log_scale_sigma=seam.log_scale_sigma,
        covariance=_covariance(seam, in_map, last, noise),
    )


def place_by_odometry(
    submap: Submap,
    is_inlier: Bool[np.ndarray, ' S'],
    view: WindowPriors,
    last: OverlapReference,
    meters_per_unit: float,
    scale: float | None,
    usual_depth: float,
) -> Placement:
    """Return where a window is that shares no frame with the map: by odometry, or a guess.

    Args:
        submap: The window.
        is_inlier: (S,) False for frames that must not decide it.
        view: What the robot says of it.
        last: What the map has.
        meters_per_unit: Of the map; NaN if not known, then odometry cannot tell where it is.
        scale: Map units per unit of the window, as odometry shows it; None if it does not: then
            the window is taken to see things as far away as windows usually do.
        usual_depth: Of `SceneDepth`, map units.
    """
    row = int(np.argmax(is_inlier))
    first, map_from_odom = view.odom_from_cam[row], last.map_from_odom
    last_map_from_cam = last.in_map.ref_from_cam[-1]
    log_scale_sigma = _BRIDGED_LOG_SIGMA
    if scale is None:
        scale = usual_depth / float(np.nanmedian(submap.depth))
        log_scale_sigma = _GUESSED_LOG_SIGMA
    if first is None or map_from_odom is None or not np.isfinite(meters_per_unit):
        return Placement(
            map_from_submap=continue_from(last_map_from_cam, scale, submap, row),
            scale_residual=float('nan'),
            log_scale_sigma=log_scale_sigma,
            covariance=None,
        )
    in_units = first.copy()
    in_units[:3, 3] /= meters_per_unit
    map_from_cam = map_from_odom @ in_units
    placed = continue_from(map_from_cam, scale, submap, row)
    way = float(np.linalg.norm(map_from_cam[:3, 3] - last.map_from_first[:3, 3]))
    turn_rad = ODOM_TURN_RAD_PER_M * way * meters_per_unit + _MIN_TURN_RAD
    return Placement(
        map_from_submap=placed,
        scale_residual=float('nan'),
        log_scale_sigma=log_scale_sigma,
        covariance=isotropic(turn_rad, ODOM_DRIFT * way + 1e-3, log_scale_sigma),
    )


def check_unit(unit: float, last_unit: float) -> None:
    """Check how much the unit of the network's answers changed since the window before.

    Args:
        unit: Map units per unit of this answer.
        last_unit: The same of the last one.

    Raises:
        AlignmentError: It changed more than what is in sight can.
    """
    step = unit / last_unit
    if not 1.0 / _MAX_UNIT_STEP < step < _MAX_UNIT_STEP:
        raise AlignmentError(
            f'the unit of the network changed by a factor of {step:g} from one window to the next '
            f'(limits {1.0 / _MAX_UNIT_STEP:.3g}..{_MAX_UNIT_STEP:g}); the new window is not used'
        )


def map_from_odom(
    in_map: Submap, is_inlier: Bool[np.ndarray, ' S'], view: WindowPriors, meters_per_unit: float
) -> Float[np.ndarray, '4 4'] | None:
    """Return where the odometry's frame is, its lengths in map units, by the newest pose known."""
    for row in reversed(np.flatnonzero(is_inlier)):
        pose = view.odom_from_cam[row]
        if pose is not None and np.isfinite(meters_per_unit):
            in_units = pose.copy()
            in_units[:3, 3] /= meters_per_unit
            return np.asarray(in_map.ref_from_cam[row] @ se3.inverse(in_units))
    return None


def _learn(noise: PoseErrorModel, in_map: Submap, in_submap: Submap, seam: Registration) -> None:
    """Compare how the two predictions see every two of the shared cameras."""
    first, second = np.triu_indices(len(in_map.frame_ids), 1)
    if not len(first):
        return
    median_depth = float(np.nanmedian(in_map.depth))
    moved = seam.map_from_submap.apply_to_pose(in_submap.ref_from_cam)
    known, found = (
        se3.inverse(poses[first]) @ poses[second] for poses in (in_map.ref_from_cam, moved)
    )
    noise.learn(
        np.linalg.norm(known[:, :3, 3], axis=1) / median_depth,
        rotation_angle(np.swapaxes(known[:, :3, :3], 1, 2) @ found[:, :3, :3]),
        np.linalg.norm(known[:, :3, 3] - found[:, :3, 3], axis=1) / median_depth,
    )


def _covariance(
    seam: Registration, in_map: Submap, last: OverlapReference, noise: PoseErrorModel
) -> Float[np.ndarray, '7 7']:
    """Return the error of the reference up to the overlap, and that of the registration."""
    median_depth = float(np.nanmedian(in_map.depth))
    position = in_map.ref_from_cam[-1, :3, 3]
    way = float(np.linalg.norm(position - last.map_from_first[:3, 3])) / median_depth
    rotation_rad, shift = noise.over(way, len(seam.frame_ids))
    # The largest of the residuals; the mean of the frames is better by the root of their number.
    share = 1.0 / float(np.sqrt(2.0 * len(seam.frame_ids)))
    rotation_rad = np.hypot(rotation_rad, share * seam.rotation_residual_rad)
    shift = np.hypot(shift, share * seam.translation_residual)
    return isotropic(
        float(np.hypot(rotation_rad, _MIN_TURN_RAD)),
        float(np.hypot(shift, _MIN_SHIFT)) * median_depth,
        seam.log_scale_sigma,
    )
