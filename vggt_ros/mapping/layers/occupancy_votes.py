"""Occupancy votes: a scan's vote on each cell of a grid; obstacle, free or nothing."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int16, Int64
import numpy as np

from vggt_ros.mapping.layers.occupancy_scan import OccupancyScan
from vggt_ros.settings.world_config import OccupancySettings

# Evidence is log odds in steps of 1/40: one hit is e : 1.
HIT, MISS = 40, -16
# A single point in a cell may be an error of the depth.
_MIN_POINTS = 2
# Sectors are this much wider than the angle between two columns, so that none stays empty.
_SECTOR_PER_SPACING = 1.5
_MIN_SECTOR_RAD = 0.004
_TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FreeSectors:
    """Where a scan has seen that nothing stands, by azimuth; n sectors that saw something.

    Attributes:
        azimuth_rad: (n,) middle of the sector, about z of the map, 0 along x.
        width_rad: Of every sector.
        near: (n,) horizontal distance from the camera at which free space begins, map units.
        far: (n,) where it ends; nowhere free if smaller than `near`.
        top_slope: (n,) of the highest ray, height per distance.
    """

    azimuth_rad: Float[np.ndarray, ' n']
    width_rad: float
    near: Float[np.ndarray, ' n']
    far: Float[np.ndarray, ' n']
    top_slope: Float[np.ndarray, ' n']


def cell_votes(
    scan: OccupancyScan, settings: OccupancySettings, max_cells: int
) -> tuple[Int64[np.ndarray, ' 2'], Int16[np.ndarray, 'h w']] | None:
    """Return where a scan saw obstacles and free space.

    Every point between the two heights is on an obstacle: the near edge of a table and its top,
    and the wall above it.

    Args:
        scan: The scan where it is in the map.
        settings: Heights, resolution and range, map units.
        max_cells: Nothing farther from the camera than so many cells is drawn.

    Returns:
        The first cell, as row and column counted from the origin of the map, and the votes from
        there: `HIT`, 0, or down to `MISS` by the share of the height that was seen free. None if
        there are none.
    """
    reach = min(settings.max_range, max_cells * settings.resolution)
    offsets = scan.offsets_in_map()
    floor, ceiling = _band_from_camera(scan, settings)
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
    # What is an obstacle for one ray is not free for its neighbor.
    votes[np.bincount(flat[:num_hits], minlength=len(votes)) >= _MIN_POINTS] = HIT
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

    floor, ceiling = _band_from_camera(scan, settings)
    top = np.minimum(ceiling, distance * sectors.top_slope[row])
    share = np.clip((top - floor) / (ceiling - floor), 0.0, 1.0)
    misses = np.minimum(np.rint(MISS * share), -1).astype(np.int16)

    fraction = (np.arange(num_rays) + 0.5) / num_rays - 0.5
    azimuth = sectors.azimuth_rad[:, None] + fraction * sectors.width_rad
    ray = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
    free_xy = (distance[:, None, None] * ray[row]).reshape(-1, 2)
    return free_xy, np.repeat(misses, num_rays)


def free_sectors(scan: OccupancyScan, settings: OccupancySettings) -> FreeSectors:
    """Return where the rays of a scan prove free space between the heights of an obstacle.

    A place is free if a ray came down through it to `min_height` (or, from a camera below that,
    up to it) and no point between the two heights is nearer in its sector. So the floor right
    under the view of the camera, what is behind an obstacle, and a floor that was not seen are
    not free. Points farther than `max_range` prove that their rays were free up to there.

    Args:
        scan: The scan where it is in the map.
        settings: Heights, resolution and range, map units.
    """
    floor, ceiling = _band_from_camera(scan, settings)
    x, y, z = scan.offsets_in_map().T
    distance = np.maximum(np.hypot(x, y), _TINY)
    num_sectors = int(2 * np.pi / max(_SECTOR_PER_SPACING * scan.spacing_rad, _MIN_SECTOR_RAD))
    turn = (np.arctan2(y, x) / (2 * np.pi)) % 1.0
    sector = np.minimum((turn * num_sectors).astype(np.int16), num_sectors - 1)
    order = np.argsort(sector, kind='stable')
    first = _first_of_runs(sector[order])

    slope = z / distance
    # A ray stands for the gap to its neighbor, too: the lowest one that meets a wall just above
    # min_height has seen all of the way to the wall.
    gap = scan.spacing_rad if floor > 0 else -scan.spacing_rad
    with np.errstate(divide='ignore', invalid='ignore'):
        reach, reach_with_gap = floor / slope, floor / (slope + gap)
    is_proof = scan.is_kept & (reach_with_gap >= 0) & (reach_with_gap <= distance)
    reach = np.where((reach >= 0) & (reach <= distance), reach, distance)
    is_between = (z >= floor) & (z <= ceiling)
    near = _reduced(np.minimum, np.where(is_proof, reach, np.inf)[order], first)
    seen = _reduced(np.maximum, np.where(is_proof, reach, 0.0)[order], first)
    blocked = _reduced(np.minimum, np.where(is_between, distance, np.inf)[order], first)
    top_slope = _reduced(np.maximum, np.where(scan.is_kept, slope, -np.inf)[order], first)
    return FreeSectors(
        azimuth_rad=(sector[order][first] + 0.5) * (2 * np.pi / num_sectors),
        width_rad=2 * np.pi / num_sectors,
        near=near,
        far=np.minimum(np.minimum(seen, settings.max_range), blocked - settings.resolution),
        top_slope=top_slope,
    )


def _band_from_camera(scan: OccupancyScan, settings: OccupancySettings) -> tuple[float, float]:
    """Return the two heights between which a point is an obstacle, above the camera."""
    height = float(scan.center_in_map[2])
    return settings.min_height - height, settings.max_height - height


def _first_of_runs(values: np.ndarray) -> Int64[np.ndarray, ' n']:
    """Return where runs of equal values begin."""
    is_first = np.ones(len(values), dtype=bool)
    is_first[1:] = values[1:] != values[:-1]
    return np.flatnonzero(is_first)


def _reduced(
    how: np.ufunc, values: Float[np.ndarray, ' N'], first: Int64[np.ndarray, ' n']
) -> Float[np.ndarray, ' n']:
    """Return the reduction over every run; numpy refuses to when there are none."""
    if not len(first):
        return np.zeros(0)
    return np.asarray(how.reduceat(values, first), dtype=np.float64)
