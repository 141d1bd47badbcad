"""Map state: submaps, points, path, stored keyframes, tracks and the scale."""

from __future__ import annotations

from dataclasses import replace
import logging
import threading

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.keyframe_database import KeyframeDatabase
from vggt_ros.mapping.backend.overlap_reference import anchor_poses, overlap_reference
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.registered_window import RegisteredWindow, unit_of
from vggt_ros.mapping.backend.submap_graph import Correction, SubmapGraph
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.layers.occupancy_grid import OccupancyGridMap
from vggt_ros.mapping.layers.occupancy_scan import scan_from_frame
from vggt_ros.mapping.layers.track_registry import TrackRegistry
from vggt_ros.mapping.layers.trajectory import Trajectory
from vggt_ros.mapping.layers.voxel_map import VoxelMap
from vggt_ros.mapping.registration.metric_scale import MetricScale
from vggt_ros.mapping.registration.placement import (
    check_unit,
    OverlapReference,
    place_by_odometry,
    place_by_overlap,
    place_first,
    Placement,
)
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel
from vggt_ros.mapping.registration.scale_measurement import ScaleMeasurement
from vggt_ros.mapping.registration.scale_sources import measure_scale, MeasuredWindow
from vggt_ros.mapping.registration.scene_depth import SceneDepth
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.mapping.registration.window_estimate import WindowEstimate
from vggt_ros.mapping.registration.z_up import has_up, upright_turn
from vggt_ros.settings.config import VggtConfig

_log = logging.getLogger(__name__)
# A map is level enough for planners.
_MIN_TILT_RAD = np.deg2rad(0.5)
# In meters the scale of a submap is known; this keeps its covariance invertible.
_LOCKED_LOG_SIGMA = 1e-4
# Frames of a window that are remembered as places, and that are drawn into the occupancy grid.
_PLACES_PER_WINDOW, _SCANS_PER_WINDOW = 2, 2
# Frame sets before those that the next window shares which hold it, too.
MAX_ANCHOR_SETS = 8
# Scans that are kept to draw the grid again after a correction, 0.1 MB each.
_MAX_SCANS = 600


class MapState:
    """All that a reset forgets; hold `lock` for every call.

    What was added moves with its submap when the map is corrected: points, path, places and the
    frames that the next window is registered to, all together.

    Attributes:
        lock: Guards all of it.
        voxels: The accumulated points.
        trajectory: The newest poses.
        tracks: The points that are followed from window to window.
        graph: The submaps.
        occupancy: Free and occupied cells, empty unless `occupancy.enable`.
        places: What is remembered of them, to recognize them.
        scale: How long a unit of the map is.
        noise: How wrong the network's poses usually are.
        depth: How far away things usually are.
        last: What the next window is registered to, None for an empty map.
        correction: Where the surroundings of the overlap reference went when the newest window
            was entered, None if they stayed.
    """

    def __init__(self, config: VggtConfig) -> None:
        self.lock = threading.RLock()
        self.voxels = VoxelMap(config.map.voxel_size, config.map.max_points)
        self.trajectory = Trajectory(config.path.max_size * config.input.num_cameras)
        self.tracks = TrackRegistry()
        self.graph = SubmapGraph()
        self.occupancy = OccupancyGridMap(config.occupancy, _MAX_SCANS)
        self.places = KeyframeDatabase(config.loop)
        self.scale = MetricScale(config.scale)
        self.noise = PoseErrorModel()
        self.last: OverlapReference | None = None
        self.correction: Sim3 | None = None
        self.depth = SceneDepth()
        self._origin = np.zeros(3)
        self._is_upright = False
        self._config = config

    def update_config(self, config: VggtConfig) -> None:
        """Take new bounds; what is over them goes at once."""
        self._config = config
        self.voxels.max_points = config.map.max_points
        self.trajectory.max_size = config.path.max_size * config.input.num_cameras
        self.scale.settings = config.scale
        self.places.settings = config.loop
        self.occupancy.update_settings(config.occupancy)

    def clear(self) -> None:
        """Forget everything but how good the network is."""
        self.voxels.clear()
        self.trajectory.clear()
        self.tracks.clear()
        self.graph.clear()
        self.places.clear()
        self.occupancy.clear()
        self.scale.clear()
        self.depth.clear()
        self.last = None

    def enter(self, estimate: WindowEstimate) -> RegisteredWindow:
        """Find the place of a window and make it a submap; its points come with `add`.

        Raises:
            AlignmentError: It has no place, or one beyond all bounds; nothing is added.
        """
        submap, last = estimate.submap, self.last
        self.correction = None
        if last is None:
            self._is_upright = has_up(estimate.priors)
            placement = place_first(
                submap, estimate.is_inlier, estimate.priors, self._first_scale(estimate)
            )
            self._origin = placement.map_from_submap.apply(submap.ref_from_cam[0, :3, 3])
        elif estimate.window.num_overlap:
            shared = None if estimate.refinement is None else estimate.refinement.shared
            placement = place_by_overlap(
                estimate.window,
                submap,
                estimate.is_inlier,
                estimate.inconsistency,
                last,
                self.noise,
                shared,
            )
            self.scale.drift(placement.log_scale_sigma)
        else:
            unit = self.scale.meters_per_unit
            scale = self._own_scale(estimate)
            placement = place_by_odometry(
                submap, estimate.is_inlier, estimate.priors, last, unit, scale, self.depth.usual
            )
            self.scale.drift(placement.log_scale_sigma)
        if last is not None and estimate.window.num_overlap:
            check_unit(unit_of(estimate, placement), last.unit)
        placement = self._in_true_scale(estimate, placement)
        in_map = placement.in_map(submap)
        first = in_map.ref_from_cam[0]
        placed = self.graph.add(Sim3(1.0, first[:3, :3], first[:3, 3]), placement.covariance)
        return self._upright(
            RegisteredWindow(estimate=estimate, placed=placed, placement=placement, in_map=in_map)
        )

    def lock_scale(self, registered: RegisteredWindow) -> RegisteredWindow:
        """Make the unit of the map a meter if that is known by now.

        Returns:
            The window where it is now.
        """
        scale = self.scale.take_lock()
        if scale is None:
            return registered
        map_from_old_map = Sim3(scale, np.eye(3), (1.0 - scale) * self._origin)
        self.depth.rescale(scale)
        return self._corrected(registered, self.graph.rescale(map_from_old_map))

    def close(self, registered: RegisteredWindow, loop: Edge) -> RegisteredWindow:
        """Take in a recognized place.

        Returns:
            The window where it is now.

        Raises:
            AlignmentError: The loop makes no sense; nothing is changed.
        """
        return self._corrected(registered, self.graph.close(loop, is_rigid=self.scale.is_locked))

    def add(self, registered: RegisteredWindow, results: tuple[FrameResult, ...]) -> None:
        """Add the new frames of a window and make it the one to join next.

        Args:
            registered: The window, where it is now.
            results: Its new frames.
        """
        submap_id = registered.placed.id
        if registered.estimate.refinement is not None:
            # Later images confirmed or corrected them.
            for row in range(registered.estimate.window.num_overlap):
                if registered.estimate.is_inlier[row]:
                    pose = registered.in_map.ref_from_cam[row]
                    self.trajectory.correct_pose(registered.in_map.frame_ids[row], submap_id, pose)
            for frame_id, pose in anchor_poses(registered).items():
                self.trajectory.correct_pose(frame_id, submap_id, pose)
        for result in results:
            self.trajectory.add(result.frame.id, submap_id, result.view)
        if self._config.map.enable:
            self.voxels.insert(
                np.concatenate([_kept_points_in_map(result) for result in results]),
                np.concatenate([result.image[result.keep] for result in results]),
                np.concatenate([result.confidence[result.keep] for result in results]),
                submap_id,
            )
            if self._config.map.max_radius > 0:
                self.voxels.keep_within(
                    results[-1].map_from_cam[:3, 3], self._config.map.max_radius
                )
        if self._config.occupancy.enable:
            for result in _spread(results, _SCANS_PER_WINDOW):
                self.occupancy.add(
                    scan_from_frame(
                        submap_id,
                        result.frame.stamp_ns,
                        result.points_in_cam,
                        result.keep,
                        result.map_from_cam,
                    )
                )
        self.depth.add(registered.in_map.depth)
        self._remember_places(registered, results)
        self.last = overlap_reference(
            registered,
            self.last,
            self._config.window.overlap,
            MAX_ANCHOR_SETS * self._config.input.num_cameras,
            self.scale.meters_per_unit,
        )

    def _upright(self, registered: RegisteredWindow) -> RegisteredWindow:
        """Turn a map that began as if the camera were level, once the robot says what is up."""
        if self._is_upright or registered.placed.segment:
            return registered
        turn = upright_turn(
            registered.in_map.ref_from_cam,
            registered.estimate.is_inlier,
            registered.estimate.priors,
        )
        if turn is None:
            return registered
        self._is_upright = True
        angle_rad = float(rotation_angle(turn))
        if angle_rad < _MIN_TILT_RAD:
            return registered
        _log.warning(
            'TF tells by now which way is up: the map is turned by %.1f degrees',
            np.rad2deg(angle_rad),
        )
        map_from_old_map = Sim3(1.0, turn, self._origin - turn @ self._origin)
        return self._corrected(registered, self.graph.rescale(map_from_old_map))

    def _corrected(self, registered: RegisteredWindow, correction: Correction) -> RegisteredWindow:
        """Move all that has been added, and the window that is about to be."""
        if not correction:
            return registered
        self.voxels.correct(correction)
        self.trajectory.correct(correction)
        self.places.correct(correction)
        self.occupancy.correct(correction)
        if self.last is not None and self.last.submap_id in correction:
            move = correction[self.last.submap_id]
            self.last = self.last.moved(move)
            self.correction = move if self.correction is None else move @ self.correction
        return registered.moved(correction, self.graph[registered.placed.id])

    def _remember_places(
        self, registered: RegisteredWindow, results: tuple[FrameResult, ...]
    ) -> None:
        if not self._config.loop.enable:
            return
        for result in _spread(results, _PLACES_PER_WINDOW):
            frame, descriptor = result.frame, result.descriptor
            if descriptor is not None:
                alone = registered.in_map.select([frame.id])
                features = registered.features_in_map(frame.id)
                self.places.add(registered.placed.id, frame, alone, descriptor, features)

    def _first_scale(self, estimate: WindowEstimate) -> float:
        """Return map units per unit of the first window."""
        if self.scale.settings.source == 'fixed':
            return self.scale.start_fixed()
        measured = self._measured(estimate, estimate.submap)
        found = None if measured is None else self.scale.start(measured)
        return 1.0 if found is None else found

    def _measured(
        self, estimate: WindowEstimate, submap: Submap, unit: float = 1.0
    ) -> ScaleMeasurement | None:
        """Return what tells of the unit of a submap, which is so many of the network's."""
        window = MeasuredWindow(
            submap=submap, priors=estimate.priors, is_inlier=estimate.is_inlier, unit=unit
        )
        return measure_scale(window, self.scale.settings)

    def _own_scale(self, estimate: WindowEstimate) -> float | None:
        """Return map units per unit of a window, from what the robot says of it alone."""
        measured = self._measured(estimate, estimate.submap)
        if measured is None or not np.isfinite(self.scale.meters_per_unit):
            return None
        if measured.residual > self.scale.settings.max_residual:
            return None
        return measured.meters_per_unit / self.scale.meters_per_unit

    def _in_true_scale(self, estimate: WindowEstimate, placement: Placement) -> Placement:
        """Compare the window's lengths with meters; once locked, put them right."""
        if self.last is None or self.scale.settings.source in ('none', 'fixed'):
            return placement
        in_map = estimate.submap.moved(placement.map_from_submap)
        unit = placement.map_from_submap.scale
        measured = self._measured(estimate, in_map, unit)
        if measured is not None:
            self.scale.observe(measured)
        factor = self.scale.take_correction()
        # The overlap stays where it is: lengths grow about the last shared camera.
        anchor = in_map.ref_from_cam[max(estimate.window.num_overlap - 1, 0), :3, 3]
        old = placement.map_from_submap
        moved = Sim3(
            factor * old.scale, old.rotation, anchor + factor * (old.translation - anchor)
        )
        covariance = placement.covariance
        if covariance is not None and self.scale.is_locked:
            covariance = _with_known_scale(covariance)
        return replace(placement, map_from_submap=moved, covariance=covariance)


def _spread(results: tuple[FrameResult, ...], count: int) -> list[FrameResult]:
    """Return some of the results, the first and the last among them."""
    return [results[k] for k in np.unique(np.linspace(0, len(results) - 1, count).astype(int))]


def _with_known_scale(covariance: Float[np.ndarray, '7 7']) -> Float[np.ndarray, '7 7']:
    known = covariance.copy()
    known[6, :] = known[:, 6] = 0.0
    known[6, 6] = _LOCKED_LOG_SIGMA**2
    return known


def _kept_points_in_map(result: FrameResult) -> Float32[np.ndarray, 'n 3']:
    return se3.transform(result.map_from_cam, result.points_in_cam[result.keep])
