"""Obstacles and free space seen from above, from the scans of many keyframes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from jaxtyping import Float, Int8, Int16, Int64
import numpy as np

from vggt_ros.mapping.occupancy_scan import band_from_camera, free_sectors, OccupancyScan
from vggt_ros.mapping.submap_chain import Correction
from vggt_ros.world_config import OccupancySettings

UNKNOWN, FREE, OCCUPIED = -1, 0, 100

# Evidence is log odds in steps of 1/40: one hit is e : 1. A cell that was never seen has 0.
_HIT, _MISS = 40, -16
# Bounds, so that what moved is forgotten after half a dozen views and noticed after two.
_MIN_EVIDENCE, _MAX_EVIDENCE = -64, 96
_FREE_FROM, _OCCUPIED_FROM = -8, 24
# A single point in a cell may be an error of the depth.
_MIN_POINTS = 2
# The array grows by so many cells, so that it does not grow with every scan.
_CHUNK = 32
MAX_SIDE = 4000


def _cell_of_evidence() -> Int8[np.ndarray, '256']:
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
            units, as the resolution: metres once the scale is metric.
        resolution_m: Edge of a cell.
    """

    cells: Int8[np.ndarray, 'H W']
    origin_xy_m: Float[np.ndarray, ' 2']
    resolution_m: float


class OccupancyGridMap:
    """Evidence for and against an obstacle in every cell.

    An obstacle is a point between `occupancy.min_height` and `occupancy.max_height` above the
    plane z = 0 of the map. That is the floor if the map began at the odometry or at the base of
    the robot; it is as high as the first camera if nothing else was known.

    Every scan votes once on a cell. A vote for free counts by the share of the height between the
    two limits that was in view there, so that a table is not forgotten when the camera is so near
    that it looks under it.

    Bounds: the newest `max_scans` scans are kept to draw the map again after a correction; what
    older ones drew stays until then. No side gets longer than `max_side` cells: what is farther
    from the newest scan is cut off. Not thread-safe.
    """

    def __init__(
        self, settings: OccupancySettings, max_scans: int, max_side: int = MAX_SIDE
    ) -> None:
        """Start empty.

        Args:
            settings: Heights, range and resolution; map units.
            max_scans: Scans kept, 0.08 MB each.
            max_side: Largest number of rows and of columns, at least 64.
        """
        self._settings = settings
        self._max_side = max_side
        self._scans: deque[OccupancyScan] = deque(maxlen=max_scans)
        self.clear()

    def __len__(self) -> int:
        """Return the number of scans kept."""
        return len(self._scans)

    def clear(self) -> None:
        """Forget everything."""
        self._scans.clear()
        self._erase()

    def add(self, scan: OccupancyScan) -> None:
        """Draw a scan."""
        self._scans.append(scan)
        if not self._is_stale:  # else it will be drawn with all others
            self._draw(scan)

    def correct(self, correction: Correction) -> None:
        """Move the scans of submaps that moved; the next `grid` draws all of them again.

        Args:
            correction: map_from_old_map by the id of the submap; scans of others stay.
        """
        moving = [scan.submap_id in correction for scan in self._scans]
        if any(moving):
            moved = [
                scan.moved(correction[scan.submap_id]) if is_moving else scan
                for scan, is_moving in zip(self._scans, moving, strict=True)
            ]
            self._scans = deque(moved, maxlen=self._scans.maxlen)
            self._is_stale = True

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

    def _erase(self) -> None:
        self._evidence: Int8[np.ndarray, 'H W'] = np.zeros((0, 0), dtype=np.int8)
        self._first: Int64[np.ndarray, ' 2'] = np.zeros(2, dtype=np.int64)  # row, column
        self._is_stale = False

    def _draw(self, scan: OccupancyScan) -> None:
        drawn = _votes(scan, self._settings, self._max_side)
        if drawn is None:
            return
        first, votes = drawn
        self._cover(first, first + votes.shape)
        row, column = (first - self._first).tolist()
        seen = self._evidence[row : row + votes.shape[0], column : column + votes.shape[1]]
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
            rows, columns = (
                slice(a, max(a, b)) for a, b in zip(begin, np.minimum(old_last, low + side))
            )
            grown[_shifted(rows, low[0]), _shifted(columns, low[1])] = self._evidence[
                _shifted(rows, old_first[0]), _shifted(columns, old_first[1])
            ]
        self._evidence, self._first = grown, low


def _shifted(cells: slice, by: int) -> slice:
    return slice(cells.start - by, cells.stop - by)


def _votes(
    scan: OccupancyScan, settings: OccupancySettings, max_side: int
) -> tuple[Int64[np.ndarray, ' 2'], Int16[np.ndarray, 'h w']] | None:
    """Return the first cell (row, column) a scan votes on and its votes from there, or None."""
    reach = min(settings.max_range, (max_side // 2 - _CHUNK) * settings.resolution)
    offsets = scan.offsets_in_map()
    floor, ceiling = band_from_camera(scan, settings)
    is_obstacle = scan.is_kept & (offsets[:, 2] >= floor) & (offsets[:, 2] <= ceiling)
    is_obstacle &= np.hypot(offsets[:, 0], offsets[:, 1]) <= reach
    free_xy, misses = _free(scan, settings, reach)

    in_map = np.concatenate([offsets[is_obstacle, :2], free_xy]) + scan.center_in_map[:2]
    if not len(in_map):
        return None
    cells = np.floor(in_map[:, ::-1] / settings.resolution).astype(np.int64)
    first = cells.min(axis=0)
    height, width = (cells.max(axis=0) - first + 1).tolist()
    flat = (cells - first) @ np.array([width, 1])
    num_hits = int(is_obstacle.sum())
    votes = np.zeros(height * width, dtype=np.int16)
    votes[flat[num_hits:]] = misses
    # What is an obstacle for one ray is not free for its neighbour.
    votes[np.bincount(flat[:num_hits], minlength=len(votes)) >= _MIN_POINTS] = _HIT
    return first, votes.reshape(height, width)


def _free(
    scan: OccupancyScan, settings: OccupancySettings, reach: float
) -> tuple[Float[np.ndarray, 'n 2'], Int16[np.ndarray, ' n']]:
    """Return places of free space, relative to the camera, and their votes.

    Rays lie so dense that they miss no cell, and places on them half a cell apart.
    """
    sectors = free_sectors(scan, settings)
    num_rays = int(np.ceil(sectors.width_rad * reach / settings.resolution))
    distance = np.arange(0.5, 2 * reach / settings.resolution) * (0.5 * settings.resolution)
    is_free = (distance >= sectors.near[:, None]) & (distance <= sectors.far[:, None])
    row, column = np.nonzero(is_free)
    distance = distance[column]

    floor, ceiling = band_from_camera(scan, settings)
    top = np.minimum(ceiling, distance * sectors.top_slope[row])
    share = np.clip((top - floor) / (ceiling - floor), 0.0, 1.0)
    misses = np.minimum(np.rint(_MISS * share), -1).astype(np.int16)

    fraction = (np.arange(num_rays) + 0.5) / num_rays - 0.5
    azimuth = sectors.azimuth_rad[:, None] + fraction * sectors.width_rad
    ray = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
    free_xy = (distance[:, None, None] * ray[row]).reshape(-1, 2)
    return free_xy, np.repeat(misses, num_rays)
