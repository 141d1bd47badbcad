"""Map layers: what of a map people and planners see: points, path, occupancy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.mapping.backend.overlap_reference import anchor_poses
from vggt_ros.mapping.backend.registered_window import RegisteredWindow
from vggt_ros.mapping.backend.submap_graph import Correction, SubmapGraph
from vggt_ros.mapping.layers.free_space import clear_free_space
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.layers.occupancy_grid import OccupancyGridMap
from vggt_ros.mapping.layers.occupancy_scan import OccupancyScan, scan_from_frame
from vggt_ros.mapping.layers.trajectory import PathPose, Trajectory
from vggt_ros.mapping.layers.voxel_map import VoxelMap, Voxels
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.live_config import LiveConfig

# Frames of a window that are drawn into the occupancy grid.
_SCANS_PER_WINDOW = 2
# Frames of a window that are asked what they see through.
_VIEWS_PER_WINDOW = 4
# Scans that are kept to draw the grid again after a correction, 0.1 MB each.
_MAX_SCANS = 600


class MapLayers:
    """Filled by registered windows; what was added moves with its submap.

    Attributes:
        voxels: The accumulated points.
        trajectory: The newest poses.
        occupancy: Free and occupied cells, empty unless `occupancy.enable`.
    """

    def __init__(self, config: LiveConfig) -> None:
        """Start empty."""
        self._config = config
        value = config.value
        self.voxels = VoxelMap(value.map.voxel_size, value.map.max_points)
        self.trajectory = Trajectory(_max_path(value))
        self.occupancy = OccupancyGridMap(value.occupancy, _MAX_SCANS)

    def follow_config(self) -> None:
        """Hold the bounds that changed; what is over them goes at once."""
        value = self._config.value
        self.voxels.max_points = value.map.max_points
        self.trajectory.max_size = _max_path(value)
        self.occupancy.update_settings(value.occupancy)

    def clear(self) -> None:
        """Forget everything."""
        self.voxels.clear()
        self.trajectory.clear()
        self.occupancy.clear()

    def correct(self, correction: Correction) -> None:
        """Move what belongs to submaps that moved."""
        self.voxels.correct(correction)
        self.trajectory.correct(correction)
        self.occupancy.correct(correction)

    def reassign(self, hubs: Mapping[int, int]) -> None:
        """Let what belongs to submaps that left the graph belong to others.

        Args:
            hubs: Which, by id of those that left.
        """
        if not hubs:
            return
        self.voxels.reassign(hubs)
        self.trajectory.reassign(hubs)
        self.occupancy.reassign(hubs)

    def absorb(
        self, voxels: Voxels, path: Mapping[int, PathPose], scans: Sequence[OccupancyScan]
    ) -> None:
        """Take in what was stored of an earlier session, as older than what is there.

        Args:
            voxels: Of the accumulated points.
            path: Poses by frame id.
            scans: Of the occupancy grid.
        """
        self.voxels.absorb(voxels)
        self.trajectory.absorb(path)
        if self._config.value.occupancy.enable:
            self.occupancy.absorb(scans)

    def join(self, other: MapLayers) -> None:
        """Take in other layers of the same map."""
        self.absorb(other.voxels.voxels(), other.trajectory.stored(), other.occupancy.scans())

    def add(
        self,
        registered: RegisteredWindow,
        results: tuple[FrameResult, ...],
        graph: SubmapGraph,
    ) -> None:
        """Draw the new frames of a window, and put older poses where later images see them.

        Args:
            registered: The window, where it is now.
            results: Its new frames.
            graph: All submaps.
        """
        self._add_path(registered, results)
        config = self._config.value
        if config.mode == 'localization':
            return
        if config.map.enable:
            self._add_points(registered.placed.id, results)
            if config.map.dynamic == 'remove':
                views = tuple(spread(results, _VIEWS_PER_WINDOW))
                clear_free_space(self.voxels, registered.placed, views, graph)
            if config.map.max_radius > 0:
                self.voxels.keep_within(results[-1].map_from_cam[:3, 3], config.map.max_radius)
        if config.occupancy.enable:
            for result in spread(results, _SCANS_PER_WINDOW):
                self.occupancy.add(
                    scan_from_frame(
                        registered.placed.id,
                        result.frame.stamp_ns,
                        result.points_in_cam,
                        result.keep,
                        result.map_from_cam,
                    )
                )
            self.occupancy.seek_floor()

    def _add_path(self, registered: RegisteredWindow, results: tuple[FrameResult, ...]) -> None:
        submap_id, in_map = registered.placed.id, registered.in_map
        if registered.estimate.refinement is not None:
            # Later images confirmed or corrected them.
            for row in range(registered.estimate.window.num_overlap):
                if registered.estimate.is_inlier[row]:
                    pose = in_map.ref_from_cam[row]
                    self.trajectory.correct_pose(in_map.frame_ids[row], submap_id, pose)
            for frame_id, pose in anchor_poses(registered).items():
                self.trajectory.correct_pose(frame_id, submap_id, pose)
        for result in results:
            self.trajectory.add(result.frame.id, submap_id, result.view)

    def _add_points(self, submap_id: int, results: tuple[FrameResult, ...]) -> None:
        all_drawn = [each.drawn for each in results]
        points_in_map = [
            se3.transform(each.map_from_cam, each.points_in_cam[drawn])
            for each, drawn in zip(results, all_drawn, strict=True)
        ]
        self.voxels.insert(
            np.concatenate(points_in_map),
            np.concatenate([each.image[d] for each, d in zip(results, all_drawn, strict=True)]),
            np.concatenate(
                [each.confidence[d] for each, d in zip(results, all_drawn, strict=True)]
            ),
            submap_id,
        )


def spread(results: tuple[FrameResult, ...], count: int) -> list[FrameResult]:
    """Return some of a window's results, the first and the last among them."""
    return [results[k] for k in np.unique(np.linspace(0, len(results) - 1, count).astype(int))]


def _max_path(config: VggtConfig) -> int:
    return config.path.max_size * config.input.num_cameras
