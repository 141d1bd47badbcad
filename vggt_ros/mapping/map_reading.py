"""Map reading: copies of a map for those who publish or save it while it grows."""

from __future__ import annotations

import threading

import numpy as np

from vggt_ros.mapping.backend.submap_graph import ClosedLoop, SubmapGraph
from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.layers.coverage import Coverage, coverage
from vggt_ros.mapping.layers.map_layers import MapLayers
from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells
from vggt_ros.mapping.layers.submap_tiles import (
    NO_SUBMAP,
    places_of,
    submap_tiles,
    TiledMap,
)
from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.mapping.layers.voxel_map import MapPoints


class MapReading:
    """What of a map may be read at any time; any thread may call.

    Attributes:
        lock: Guards the map; held for a copy.
        layers: Points, path and occupancy.
        graph: The submaps.
    """

    def __init__(self, layers: MapLayers, graph: SubmapGraph) -> None:
        """Read these."""
        self.lock = threading.RLock()
        self.layers = layers
        self.graph = graph

    def points(self, since: int = 0) -> tuple[MapPoints, int]:
        """Return a copy of the points of the voxel map, and the tick they are of.

        Args:
            since: A tick returned before, for only those points that have changed since.
        """
        with self.lock:
            return self.layers.voxels.points(since), self.layers.voxels.tick

    def tiled(self, since: int = 0, *, and_forgotten: bool = False) -> TiledMap:
        """Return where the submaps are, with a copy of their points.

        Args:
            since: A tick returned before, for only those tiles that have changed since, other than
                by a correction of the map.
            and_forgotten: Whether submaps were forgotten since: then the tile of `NO_SUBMAP` has
                changed, too.
        """
        with self.lock:
            voxel_map, submaps, edges = self.layers.voxels, self.graph.submaps, self.graph.edges
            tick, changed = voxel_map.tick, voxel_map.changes.since(since)
            changed += [NO_SUBMAP] if and_forgotten else []
            places = places_of(submaps)
            # Those of `NO_SUBMAP` have ids of their own, whichever have been forgotten.
            only = changed if places.keys() >= set(changed) else None
            voxels = voxel_map.voxels(only) if changed else None
        return TiledMap(
            tiles=() if voxels is None else submap_tiles(voxels, places, changed),
            places=places,
            segments={each.id: each.segment for each in submaps},
            links=tuple((each.i, each.j) for each in edges),
            loops=frozenset((each.i, each.j) for each in edges if each.is_loop),
            tick=tick,
        )

    def path(self) -> StampedPoses:
        """Return a copy of the newest poses of this session, oldest first."""
        with self.lock:
            return self.layers.trajectory.poses()

    def views(self) -> list[CameraView]:
        """Return the newest poses with their cameras."""
        with self.lock:
            return self.layers.trajectory.views()

    def segments(self) -> list[int]:
        """Return the segment of each of `views`; those that were forgotten are of the first."""
        with self.lock:
            ids = [pose.submap_id for pose in self.layers.trajectory.stored().values()]
            return [self.graph[i].segment if i in self.graph else 0 for i in ids]

    def occupancy(self) -> OccupancyCells | None:
        """Return the free and occupied cells, None if nothing was drawn."""
        with self.lock:
            return self.layers.occupancy.grid()

    def coverage(self, robot_width: float) -> Coverage | None:
        """Measure how much of the floor was seen, None if nothing was drawn.

        The map is free again while it is measured, 10 ms for 400 x 400 cells.

        Args:
            robot_width: Narrower gaps lead nowhere; map units.
        """
        with self.lock:
            grid, scans = self.layers.occupancy.grid(), self.layers.occupancy.scans()
        if grid is None:
            return None
        path_xy = np.array([scan.center_in_map[:2] for scan in scans]).reshape(-1, 2)
        return coverage(grid, path_xy, robot_width)

    def loops(self) -> tuple[ClosedLoop, ...]:
        """Return the places that were recognized and moved the map."""
        with self.lock:
            return self.graph.loops
