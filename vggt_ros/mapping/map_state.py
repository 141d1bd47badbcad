"""Map state: submaps and what hangs on them: layers, stored keyframes, tracks, the scale."""

from __future__ import annotations

import logging

import numpy as np

from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.keyframe_database import KeyframeDatabase
from vggt_ros.mapping.backend.leveling import Leveling
from vggt_ros.mapping.backend.overlap_reference import overlap_reference
from vggt_ros.mapping.backend.place_index import surplus_submaps
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.registered_window import RegisteredWindow, unit_of
from vggt_ros.mapping.backend.submap_graph import Correction, SubmapGraph
from vggt_ros.mapping.layers.map_layers import MapLayers, spread
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.layers.track_registry import TrackRegistry
from vggt_ros.mapping.map_reading import MapReading
from vggt_ros.mapping.registration.metric_scale import MetricScale
from vggt_ros.mapping.registration.placement import (
    check_unit,
    OverlapReference,
    place_by_odometry,
    place_by_overlap,
    place_first,
)
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel
from vggt_ros.mapping.registration.scene_depth import SceneDepth
from vggt_ros.mapping.registration.window_estimate import WindowEstimate
from vggt_ros.mapping.registration.window_scale import first_scale, in_true_scale, own_scale
from vggt_ros.mapping.registration.z_up import has_up, upright_turn
from vggt_ros.mapping.session.map_session import MapSession
from vggt_ros.settings.live_config import LiveConfig

_log = logging.getLogger(__name__)
# A map is level enough for planners.
_MIN_TILT_RAD = np.deg2rad(0.5)
# Frames of a window that are remembered as places.
_PLACES_PER_WINDOW = 2
# What a place has too much is sought once in so many windows.
_WINDOWS_PER_PRUNING = 16
# Frame sets before those that the next window shares which hold it, too.
MAX_ANCHOR_SETS = 8


class MapState(MapReading):
    """All that a reset forgets. What `MapReading` copies takes `lock` itself; else hold it.

    What was added moves with its submap when the map is corrected: points, path, places and the
    frames that the next window is registered to, all together.

    Attributes:
        lock: Guards all of it; held while a window enters, some ten milliseconds, and never while
            the network runs.
        epoch: Of the frame stream: windows of another one are not for this map.
        layers: Points, path and occupancy.
        tracks: The points that are followed from window to window.
        graph: The submaps.
        places: What is remembered of them, to recognize them.
        leveling: Keeps roll and pitch from drifting, where gravity is known.
        scale: How long a unit of the map is.
        noise: How wrong the network's poses usually are.
        depth: How far away things usually are.
        last: What the next window is registered to, None if this session has no window yet.
        apart: Layers of what is not known to be anywhere in the restored map, None without it:
            they become part of `layers` when the place is recognized.
        correction: Where the surroundings of the overlap reference went when the newest window
            was entered, None if they stayed.
    """

    def __init__(self, config: LiveConfig) -> None:
        """Start empty."""
        super().__init__(MapLayers(config), SubmapGraph())
        self.epoch = 0
        self.tracks = TrackRegistry()
        self.places = KeyframeDatabase(config.value.loop)
        self.leveling = Leveling()
        self.scale = MetricScale(config.value.scale)
        self.noise = PoseErrorModel()
        self.last: OverlapReference | None = None
        self.apart: MapLayers | None = None
        self._base: MapSession | None = None
        self.correction: Sim3 | None = None
        self.depth = SceneDepth()
        self._origin = np.zeros(3)
        self._is_upright = False
        self._config = config

    def follow_config(self) -> None:
        """Hold the bounds that changed; what is over them goes at once."""
        self.layers.follow_config()
        self.scale.settings = self._config.value.scale
        self.places.settings = self._config.value.loop

    def begin(self, epoch: int) -> None:
        """Forget everything but how good the network is, and a map that is only localized in."""
        self.epoch = epoch
        self._clear()
        if self._base is not None:
            self._take(self._base)

    def session(self) -> MapSession:
        """Return a copy of all that a later run needs to go on with the map."""
        with self.lock:
            return MapSession(
                submaps=self.graph.submaps,
                edges=self.graph.edges,
                keyframes=self.places.keyframes(),
                voxels=self.layers.voxels.voxels(),
                path=self.layers.trajectory.stored(),
                scans=self.layers.occupancy.scans(),
                is_metric=self.scale.is_locked,
                log_scale_sigma=self.scale.log_sigma,
                scale_source=self.scale.source,
                usual_depth=self.depth.usual,
                origin_in_map=self._origin,
                is_upright=self._is_upright,
            )

    def restore(self, session: MapSession) -> None:
        """Hold a stored map in place of what there is; windows are apart until they know it."""
        self._base = session if self._config.value.mode == 'localization' else None
        self._clear()
        self._take(session)

    def enter(self, estimate: WindowEstimate) -> RegisteredWindow:
        """Find the place of a window and make it a submap; its points come with `add`.

        Raises:
            AlignmentError: It has no place, or one beyond all bounds; nothing is added.
        """
        submap, last = estimate.submap, self.last
        self.correction = None
        if last is None and self.graph.has_restored:
            found = own_scale(self.scale, estimate)
            scale = self.depth.usual / estimate.median_depth if found is None else found
            placement = place_first(submap, estimate.is_inlier, estimate.priors, scale)
        elif last is None:
            self._is_upright = has_up(estimate.priors)
            scale = first_scale(self.scale, estimate)
            placement = place_first(submap, estimate.is_inlier, estimate.priors, scale)
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
            found = own_scale(self.scale, estimate)
            placement = place_by_odometry(
                submap, estimate.is_inlier, estimate.priors, last, unit, found, self.depth.usual
            )
            self.scale.drift(placement.log_scale_sigma)
        if last is not None and estimate.window.num_overlap:
            check_unit(unit_of(estimate, placement), last.unit)
        if last is not None:
            placement = in_true_scale(self.scale, estimate, placement)
        in_map = placement.in_map(submap)
        first = in_map.ref_from_cam[0]
        placed = self.graph.add(Sim3(1.0, first[:3, :3], first[:3, 3]), placement.covariance)
        if self.apart is None and self.graph.is_relocalizing:
            self.apart = MapLayers(self._config)
        return self._level(
            self._upright(
                RegisteredWindow(
                    estimate=estimate, placed=placed, placement=placement, in_map=in_map
                )
            )
        )

    def lock_scale(self, registered: RegisteredWindow) -> RegisteredWindow:
        """Make the unit of the map a meter if that is known by now.

        Returns:
            The window where it is now.
        """
        if self.graph.is_frozen or self.graph.is_relocalizing:
            return registered  # the unit of the restored map is none of this window's business
        scale = self.scale.take_lock()
        if scale is None:
            return registered
        map_from_old_map = Sim3(scale, np.eye(3), (1.0 - scale) * self._origin)
        self.depth.rescale(scale)
        registered = self._corrected(registered, self.graph.rescale(map_from_old_map))
        voxels = self.layers.voxels
        voxels.changes.note_all(voxels.tick)  # submaps have another unit, too
        return registered

    def close(self, registered: RegisteredWindow, loop: Edge) -> RegisteredWindow:
        """Take in a recognized place.

        Returns:
            The window where it is now.

        Raises:
            AlignmentError: The loop makes no sense; nothing is changed.
        """
        was_apart = self.graph.is_relocalizing
        correction = self.graph.close(loop, is_rigid=self.scale.is_held)
        registered = self._corrected(registered, correction)
        if was_apart and not self.graph.is_relocalizing:
            _log.info('the place of the robot in the restored map is known')
            self.scale.forget_unless_locked()
            if self.apart is not None:
                self.layers.join(self.apart)
                self.apart = None
        return registered

    def add(self, registered: RegisteredWindow, results: tuple[FrameResult, ...]) -> None:
        """Add the new frames of a window and make it the one to join next.

        Args:
            registered: The window, where it is now.
            results: Its new frames.
        """
        layers = self.layers if self.apart is None else self.apart
        # A map that began at odometry or base has the floor at z = 0, and the camera elsewhere.
        layers.occupancy.seeks_floor = self._is_upright and not self._origin.any()
        layers.add(registered, results, self.graph)
        config = self._config.value
        self.depth.add(registered.in_map.depth)
        self._remember_places(registered, results)
        self.last = overlap_reference(
            registered,
            self.last,
            config.window.overlap,
            MAX_ANCHOR_SETS * config.input.num_cameras,
            self.scale.meters_per_unit,
        )
        self._prune(registered.placed.id)

    def _clear(self) -> None:
        self.layers.clear()
        self.tracks.clear()
        self.graph.clear()
        self.leveling.clear()
        self.places.clear()
        self.scale.clear()
        self.depth.clear()
        self.last = self.apart = None

    def _take(self, session: MapSession) -> None:
        is_frozen = self._base is not None
        ids = self.graph.restore(session.submaps, session.edges, is_frozen=is_frozen)
        session = session.renumbered(ids)
        self.places.restore(session.keyframes)
        self.layers.absorb(session.voxels, session.path, session.scans)
        self.scale.restore(session.is_metric, session.log_scale_sigma, session.scale_source)
        self.depth.restore(session.usual_depth)
        self._origin, self._is_upright = session.origin_in_map, session.is_upright

    def _upright(self, registered: RegisteredWindow) -> RegisteredWindow:
        """Turn a map that began as if the camera were level, once the robot says what is up."""
        if self._is_upright or registered.placed.segment or self.graph.has_restored:
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
            'it is known by now which way is up: the map is turned by %.1f degrees',
            np.rad2deg(angle_rad),
        )
        map_from_old_map = Sim3(1.0, turn, self._origin - turn @ self._origin)
        return self._corrected(registered, self.graph.rescale(map_from_old_map))

    def _level(self, registered: RegisteredWindow) -> RegisteredWindow:
        """Take out of a window's roll and pitch what has drifted since gravity was felt last."""
        if not self._is_upright:
            return registered
        leveled = self.leveling.level(registered, is_first=self.last is None)
        self.graph.update(leveled.placed)
        return leveled

    def _corrected(self, registered: RegisteredWindow, correction: Correction) -> RegisteredWindow:
        """Move all that has been added, and the window that is about to be."""
        if not correction:
            return registered
        for layers in filter(None, (self.layers, self.apart)):
            layers.correct(correction)
        self.places.correct(correction)
        if self.last is not None and self.last.submap_id in correction:
            move = correction[self.last.submap_id]
            self.last = self.last.moved(move)
            self.correction = move if self.correction is None else move @ self.correction
        return registered.moved(correction, self.graph[registered.placed.id])

    def _prune(self, newest_id: int) -> None:
        """Forget, now and then, what places that were visited often have too much of."""
        if newest_id % _WINDOWS_PER_PRUNING or self.graph.is_frozen:
            return
        usual_depth = self.depth.usual
        in_use = self.places.submaps_in_use
        hubs = self.graph.marginalize(surplus_submaps(self.graph.submaps, usual_depth, in_use))
        for layers in filter(None, (self.layers, self.apart)):
            layers.reassign(hubs)
            layers.occupancy.prune(usual_depth)
        self.places.reassign(hubs)
        self.places.prune(usual_depth)

    def _remember_places(
        self, registered: RegisteredWindow, results: tuple[FrameResult, ...]
    ) -> None:
        if not self._config.value.loop.enable or self.graph.is_frozen:
            return
        for result in spread(results, _PLACES_PER_WINDOW):
            frame, descriptor = result.frame, result.descriptor
            if descriptor is not None:
                alone = registered.in_map.select([frame.id])
                features = registered.features_in_map(frame.id)
                self.places.add(registered.placed.id, frame, alone, descriptor, features)
