"""What is known of the world: submaps, points, path, places, tracks and the scale."""

from __future__ import annotations

from dataclasses import replace
import logging
import threading

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.entry import Entry, unit_of, WindowView
from vggt_ros.mapping.backend.last_window import anchor_poses, last_window
from vggt_ros.mapping.backend.place_memory import PlaceMemory
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.submap_chain import Correction, SubmapChain
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.layers.occupancy_grid import OccupancyGridMap
from vggt_ros.mapping.layers.occupancy_scan import scan_from_frame
from vggt_ros.mapping.layers.track_book import TrackBook
from vggt_ros.mapping.layers.trajectory import Trajectory
from vggt_ros.mapping.layers.voxel_map import VoxelMap
from vggt_ros.mapping.registration.metric_scale import MetricScale
from vggt_ros.mapping.registration.placement import (
    begin,
    bridge,
    check_unit,
    join,
    LastWindow,
    Placement,
)
from vggt_ros.mapping.registration.pose_noise import PoseNoise
from vggt_ros.mapping.registration.scene_depth import SceneDepth
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
    frames that the next window is joined to, all together.

    Attributes:
        lock: Guards all of it.
        voxels: The accumulated points.
        trajectory: The newest poses.
        tracks: The points that are followed from window to window.
        chain: The submaps.
        occupancy: Free and occupied cells, empty unless `occupancy.enable`.
        places: What is remembered of them, to know them again.
        scale: How long a unit of the map is.
        noise: How wrong the network's poses usually are.
        depth: How far away things usually are.
        last: What the next window is joined to, None for an empty map.
        correction: Where the surroundings of the last window went when the newest one was entered,
            None if they stayed.
    """

    def __init__(self, config: VggtConfig) -> None:
        self.lock = threading.RLock()
        self.voxels = VoxelMap(config.map.voxel_size, config.map.max_points)
        self.trajectory = Trajectory(config.path.max_size * config.input.num_cameras)
        self.tracks = TrackBook()
        self.chain = SubmapChain()
        self.occupancy = OccupancyGridMap(config.occupancy, _MAX_SCANS)
        self.places = PlaceMemory(config.loop)
        self.scale = MetricScale(config.scale)
        self.noise = PoseNoise()
        self.last: LastWindow | None = None
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
        self.chain.clear()
        self.places.clear()
        self.occupancy.clear()
        self.scale.clear()
        self.depth.clear()
        self.last = None

    def enter(self, view: WindowView) -> Entry:
        """Find the place of a window and make it a submap; its points come with `add`.

        Raises:
            AlignmentError: It has no place, or one beyond all bounds; nothing is added.
        """
        submap, last = view.submap, self.last
        self.correction = None
        if last is None:
            self._is_upright = has_up(view.robot)
            placement = begin(submap, view.believed, view.robot, self._first_scale(view))
            self._origin = placement.map_from_submap.apply(submap.submap_from_cam[0, :3, 3])
        elif view.window.num_overlap:
            shared = None if view.refinement is None else view.refinement.shared
            placement = join(
                view.window, submap, view.believed, view.doubts, last, self.noise, shared
            )
            self.scale.drift(placement.log_scale_sigma)
        else:
            unit = self.scale.meters_per_unit
            scale = self._own_scale(view)
            placement = bridge(
                submap, view.believed, view.robot, last, unit, scale, self.depth.usual
            )
            self.scale.drift(placement.log_scale_sigma)
        if last is not None and view.window.num_overlap:
            check_unit(unit_of(view, placement), last.unit)
        placement = self._in_true_scale(view, placement)
        in_map = placement.in_map(submap)
        first = in_map.submap_from_cam[0]
        placed = self.chain.add(Sim3(1.0, first[:3, :3], first[:3, 3]), placement.covariance)
        return self._upright(Entry(view=view, placed=placed, placement=placement, in_map=in_map))

    def lock_scale(self, entry: Entry) -> Entry:
        """Make the unit of the map a meter if that is known by now.

        Returns:
            The window where it is now.
        """
        scale = self.scale.take_lock()
        if scale is None:
            return entry
        map_from_old_map = Sim3(scale, np.eye(3), (1.0 - scale) * self._origin)
        self.depth.rescale(scale)
        return self._corrected(entry, self.chain.rescale(map_from_old_map))

    def close(self, entry: Entry, loop: Edge) -> Entry:
        """Take in a recognized place.

        Returns:
            The window where it is now.

        Raises:
            AlignmentError: The loop makes no sense; nothing is changed.
        """
        return self._corrected(entry, self.chain.close(loop, is_rigid=self.scale.is_locked))

    def add(self, entry: Entry, results: tuple[FrameResult, ...]) -> None:
        """Add the new frames of a window and make it the one to join next.

        Args:
            entry: The window, where it is now.
            results: Its new frames.
        """
        submap_id = entry.placed.id
        if entry.view.refinement is not None:
            # Later images confirmed or corrected them.
            for row in range(entry.view.window.num_overlap):
                if entry.view.believed[row]:
                    pose = entry.in_map.submap_from_cam[row]
                    self.trajectory.correct_pose(entry.in_map.frame_ids[row], submap_id, pose)
            for frame_id, pose in anchor_poses(entry).items():
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
        self.depth.add(entry.in_map.depth)
        self._remember_places(entry, results)
        self.last = last_window(
            entry,
            self.last,
            self._config.window.overlap,
            MAX_ANCHOR_SETS * self._config.input.num_cameras,
            self.scale.meters_per_unit,
        )

    def _upright(self, entry: Entry) -> Entry:
        """Turn a map that began as if the camera were level, once the robot says what is up."""
        if self._is_upright or entry.placed.segment:
            return entry
        turn = upright_turn(entry.in_map.submap_from_cam, entry.view.believed, entry.view.robot)
        if turn is None:
            return entry
        self._is_upright = True
        angle_rad = float(rotation_angle(turn))
        if angle_rad < _MIN_TILT_RAD:
            return entry
        _log.warning(
            'TF tells by now which way is up: the map is turned by %.1f degrees',
            np.rad2deg(angle_rad),
        )
        map_from_old_map = Sim3(1.0, turn, self._origin - turn @ self._origin)
        return self._corrected(entry, self.chain.rescale(map_from_old_map))

    def _corrected(self, entry: Entry, correction: Correction) -> Entry:
        """Move all that has been added, and the window that is about to be."""
        if not correction:
            return entry
        self.voxels.correct(correction)
        self.trajectory.correct(correction)
        self.places.correct(correction)
        self.occupancy.correct(correction)
        if self.last is not None and self.last.submap_id in correction:
            move = correction[self.last.submap_id]
            self.last = self.last.moved(move)
            self.correction = move if self.correction is None else move @ self.correction
        return entry.moved(correction, self.chain[entry.placed.id])

    def _remember_places(self, entry: Entry, results: tuple[FrameResult, ...]) -> None:
        if not self._config.loop.enable:
            return
        for result in _spread(results, _PLACES_PER_WINDOW):
            frame, descriptor = result.frame, result.descriptor
            if descriptor is not None:
                alone = entry.in_map.select([frame.id])
                features = entry.features_in_map(frame.id)
                self.places.add(entry.placed.id, frame, alone, descriptor, features)

    def _first_scale(self, view: WindowView) -> float:
        """Return map units per unit of the first window."""
        if self.scale.settings.source == 'fixed':
            return self.scale.start_fixed()
        measured = view.robot.scale(view.submap, view.believed, self.scale.settings)
        found = None if measured is None else self.scale.start(measured)
        return 1.0 if found is None else found

    def _own_scale(self, view: WindowView) -> float | None:
        """Return map units per unit of a window, from what the robot says of it alone."""
        measured = view.robot.scale(view.submap, view.believed, self.scale.settings)
        if measured is None or not np.isfinite(self.scale.meters_per_unit):
            return None
        if measured.residual > self.scale.settings.max_residual:
            return None
        return measured.meters_per_unit / self.scale.meters_per_unit

    def _in_true_scale(self, view: WindowView, placement: Placement) -> Placement:
        """Compare the window's lengths with meters; once locked, put them right."""
        if self.last is None or self.scale.settings.source in ('none', 'fixed'):
            return placement
        in_map = view.submap.moved(placement.map_from_submap)
        unit = placement.map_from_submap.scale
        measured = view.robot.scale(in_map, view.believed, self.scale.settings, unit)
        if measured is not None:
            self.scale.observe(measured)
        factor = self.scale.take_correction()
        # The seam stays where it is: lengths grow about the last shared camera.
        anchor = in_map.submap_from_cam[max(view.window.num_overlap - 1, 0), :3, 3]
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
