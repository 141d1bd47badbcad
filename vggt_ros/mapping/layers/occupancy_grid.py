"""Obstacles and free space seen from above, from the scans of many keyframes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float, Int8, Int64
import numpy as np

from vggt_ros.mapping.backend.place_index import rows_of_each_place, subsampled_rows
from vggt_ros.mapping.backend.submap_graph import Correction
from vggt_ros.mapping.layers.floor_plane import floor_height, FloorPlane
from vggt_ros.mapping.layers.occupancy_scan import OccupancyScan
from vggt_ros.mapping.layers.occupancy_votes import cell_votes, HIT
from vggt_ros.settings.world_config import OccupancySettings

UNKNOWN, FREE, OCCUPIED = -1, 0, 100

# Bounds, so that what left is forgotten after half a dozen views, and what came to a place that
# was surely free is an obstacle after two.
_MIN_EVIDENCE, _MAX_EVIDENCE = -HIT, 96
_FREE_FROM, _OCCUPIED_FROM = -8, 24
# The array grows by so many cells, so that it does not grow with every scan.
_CHUNK = 32
# How far away things are says every sixteenth point, too.
_EVERY_POINT = 16
MAX_SIDE = 4000
# Scans that the floor is looked for in.
_FLOOR_SCANS = 20


def _cell_of_evidence() -> Int8[np.ndarray, ' n']:
    evidence = np.arange(256, dtype=np.uint8).view(np.int8)
    cell = np.full(256, UNKNOWN, dtype=np.int8)
    cell[evidence <= _FREE_FROM] = FREE
    cell[evidence >= _OCCUPIED_FROM] = OCCUPIED
    return cell


_CELL_OF_EVIDENCE = _cell_of_evidence()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OccupancyCells:
    """A picture of the map from above.

    Attributes:
        cells: (H, W) -1 unknown, 0 free or 100 occupied; rows along y, columns along x.
        origin_xy_m: (2,) the corner of cell (0, 0) with the smallest x and y in the map; map
            units, as the resolution: meters once the scale is metric.
        resolution_m: Edge of a cell.
    """

    cells: Int8[np.ndarray, 'H W']
    origin_xy_m: Float[np.ndarray, ' 2']
    resolution_m: float


class OccupancyGridMap:
    """Evidence for and against an obstacle in every cell.

    An obstacle is a point between `occupancy.min_height` and `occupancy.max_height` above the
    floor. That is the plane z = 0 of a map that began at the odometry or at the base of the robot.
    Where z = 0 is as high as the first camera, the floor is looked for in the scans.

    Every scan votes once on a cell. A vote for free counts by the share of the height between the
    two limits that was in view there, so that a table is not forgotten when the camera is so near
    that it looks under it.

    Bounds: `max_scans` scans are kept to draw the map again after a correction, some of every
    place; what others drew stays until then. No side gets longer than `max_side` cells: what is
    farther from the newest scan is cut off. Not thread-safe.

    Attributes:
        seeks_floor: Whether the map is z-up, and nothing but what it shows tells where the floor
            is.
    """

    def __init__(
        self, settings: OccupancySettings, max_scans: int, max_side: int = MAX_SIDE
    ) -> None:
        """Start empty.

        Args:
            settings: Heights, range and resolution; map units.
            max_scans: Scans kept, 0.1 MB each.
            max_side: Largest number of rows and of columns, at least 128.
        """
        self.seeks_floor = False
        self._floor = FloorPlane()
        self._settings = settings
        self._max_side, self._max_scans = max_side, max_scans
        self._scans: list[OccupancyScan] = []
        self.clear()

    def __len__(self) -> int:
        """Return the number of scans kept."""
        return len(self._scans)

    def clear(self) -> None:
        """Forget everything."""
        self._scans.clear()
        self._floor.clear()
        self._erase()

    def add(self, scan: OccupancyScan) -> None:
        """Draw a scan."""
        self._scans.append(scan)
        if not self._is_stale:  # else it will be drawn with all others
            self._draw(scan)
        self._bound()

    @property
    def floor_z(self) -> float:
        """Where heights count from, map units."""
        return self._floor.z if self.seeks_floor and self._settings.floor == 'auto' else 0.0

    def seek_floor(self) -> None:
        """Look for the floor in the newest scans; the next `grid` is drawn by what was found."""
        if not self.seeks_floor or self._settings.floor != 'auto':
            return
        self._is_stale |= self._floor.note(self._seen_floor(), self._settings.resolution)

    def scans(self) -> tuple[OccupancyScan, ...]:
        """Return the scans that are kept, oldest first."""
        return tuple(self._scans)

    def absorb(self, scans: Sequence[OccupancyScan]) -> None:
        """Draw stored scans, as older ones than those that are there."""
        self._scans = [*scans, *self._scans]
        self._bound()
        self._is_stale = True

    def correct(self, correction: Correction) -> None:
        """Move the scans of submaps that moved; the next `grid` draws all of them again.

        Args:
            correction: map_from_old_map by the id of the submap; scans of others stay.
        """
        moving = [scan.submap_id in correction for scan in self._scans]
        if any(moving):
            self._scans = [
                scan.moved(correction[scan.submap_id]) if is_moving else scan
                for scan, is_moving in zip(self._scans, moving, strict=True)
            ]
            self._is_stale = True
            if self._floor.z:
                self._floor.move(self._seen_floor())

    def reassign(self, hubs: Mapping[int, int]) -> None:
        """Let scans of submaps that left move with others from now on; `hubs` says with which."""
        self._scans = [
            replace(scan, submap_id=hubs.get(scan.submap_id, scan.submap_id))
            for scan in self._scans
        ]

    def prune(self, usual_depth: float) -> None:
        """Forget scans of places that were seen often enough; what they drew stays for now.

        Args:
            usual_depth: How far away things are, map units.
        """
        if self._scans:
            rows = rows_of_each_place(self._poses(), usual_depth)
            self._scans = [self._scans[row] for row in rows.tolist()]

    def update_settings(self, settings: OccupancySettings) -> None:
        """Judge all scans kept by other heights, range or resolution from the next `grid` on."""
        self._is_stale |= settings != self._settings
        self._settings = settings

    def grid(self) -> OccupancyCells | None:
        """Return a copy of the grid, None if nothing has been drawn.

        After a correction or a change of settings this draws all scans, some 2 ms each.
        """
        if self._is_stale:
            self._erase()
            for scan in self._scans:
                self._draw(scan)
        if not self._evidence.size:
            return None
        resolution = self._settings.resolution
        return OccupancyCells(
            cells=_CELL_OF_EVIDENCE[self._evidence.view(np.uint8)],
            origin_xy_m=self._first[::-1] * resolution,
            resolution_m=resolution,
        )

    def _bound(self) -> None:
        """Forget scans of the places that have most of them, if there are too many."""
        if len(self._scans) > self._max_scans:
            depths = [np.median(scan.points_in_cam[::_EVERY_POINT, 2]) for scan in self._scans]
            rows = subsampled_rows(self._poses(), float(np.nanmedian(depths)), self._max_scans)
            self._scans = [self._scans[row] for row in rows.tolist()]

    def _poses(self) -> Float[np.ndarray, 'n 4 4']:
        return np.stack([scan.map_from_cam for scan in self._scans])

    def _seen_floor(self) -> float | None:
        return floor_height(self._scans[-_FLOOR_SCANS:], self._settings.resolution)

    def _erase(self) -> None:
        self._evidence: Int8[np.ndarray, 'H W'] = np.zeros((0, 0), dtype=np.int8)
        self._first: Int64[np.ndarray, ' 2'] = np.zeros(2, dtype=np.int64)  # row, column
        self._is_stale = False

    def _draw(self, scan: OccupancyScan) -> None:
        floor = self.floor_z
        heights = replace(
            self._settings,
            min_height=self._settings.min_height + floor,
            max_height=self._settings.max_height + floor,
        )
        drawn = cell_votes(scan, heights, self._max_side // 2 - _CHUNK)
        if drawn is None:
            return
        first, votes = drawn
        self._cover(first, first + votes.shape)
        begin = first - self._first
        seen = self._evidence[_block(begin, begin + votes.shape)]
        seen[:] = np.clip(votes + seen, _MIN_EVIDENCE, _MAX_EVIDENCE)

    def _cover(self, first: Int64[np.ndarray, ' 2'], last: Int64[np.ndarray, ' 2']) -> None:
        """Grow the array over the cells from `first` to before `last`."""
        old_first, old_last = self._first, self._first + self._evidence.shape
        if not self._evidence.size:
            old_first, old_last = first, last
        if self._evidence.size and (first >= old_first).all() and (last <= old_last).all():
            return
        low = np.minimum(old_first, first // _CHUNK * _CHUNK)
        high = np.maximum(old_last, -(-last // _CHUNK) * _CHUNK)
        # As much as is allowed, with the new cells in it, and as near to them as that leaves.
        side = np.minimum(high - low, self._max_side)
        low = np.clip((first + last - side) // 2, low, high - side)
        grown = np.zeros(side.tolist(), dtype=np.int8)
        if self._evidence.size:
            begin = np.maximum(old_first, low)
            end = np.maximum(begin, np.minimum(old_last, low + side))
            kept = self._evidence[_block(begin - old_first, end - old_first)]
            grown[_block(begin - low, end - low)] = kept
        self._evidence, self._first = grown, low


def _block(first: Int64[np.ndarray, ' 2'], last: Int64[np.ndarray, ' 2']) -> tuple[slice, slice]:
    """Return the index of the cells from `first` to before `last`."""
    return slice(int(first[0]), int(last[0])), slice(int(first[1]), int(last[1]))
