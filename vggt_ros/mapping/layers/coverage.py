"""Coverage: how much of the floor that the robot can get to was seen, and where it goes on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from jaxtyping import Bool, Float, Float32, Int8, Int64
import numpy as np

from vggt_ros.mapping.layers.occupancy_grid import FREE, OccupancyCells, OCCUPIED, UNKNOWN

# Free space belongs to the path across what the camera cannot see of the floor before it.
_BLIND = 2.5
_BESIDE = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_AROUND = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What is known of the floor, in map units: meters once the scale is metric.

    Attributes:
        observed_m2: Area that is known, free or occupied.
        free_m2: Free area that can be reached from the path.
        frontier_m: Length of the edge of it behind which nothing is known: gaps that a robot fits
            through, all together.
        num_frontiers: How many such gaps there are.
        closed: Share of the edge of the free area that is no frontier: 1 where every way that
            leads on was seen; NaN while nothing is free.
    """

    observed_m2: float
    free_m2: float
    frontier_m: float
    num_frontiers: int
    closed: float


def coverage(
    grid: OccupancyCells, path_xy: Float[np.ndarray, 'N 2'], robot_width: float
) -> Coverage:
    """Measure what of the floor is known.

    Frontier-based exploration (Yamauchi, CIRA 1997) goes to free cells beside unknown ones; here
    these are counted. Where the robot was is free. A cell beside an obstacle belongs to it: free
    space ends a cell before what stopped the ray.

    Args:
        grid: The cells.
        path_xy: (N, 2) where the camera was, in the map.
        robot_width: Narrower gaps lead nowhere; map units.
    """
    cell_m = grid.resolution_m
    # Beyond the grid nothing is known; the camera may be there.
    margin = int(np.ceil(max(_BLIND, robot_width) / cell_m)) + 1
    cells: Int8[np.ndarray, 'H W'] = np.pad(grid.cells, margin, constant_values=UNKNOWN)
    in_cells = np.floor((path_xy - grid.origin_xy_m) / cell_m).astype(np.int64) + margin
    from_path = np.float32(cell_m) * _cells_from(in_cells, cells.shape)
    way = _reached((from_path <= 0.5 * robot_width) & (cells != OCCUPIED), from_path == 0)
    free = _reached((cells == FREE) | way, from_path <= _BLIND)
    unknown = (cells == UNKNOWN) & ~free & ~_grown(cells == OCCUPIED, _AROUND)
    edge = free & _grown(~free, _BESIDE)
    frontier = edge & _grown(unknown, _BESIDE)
    num_labels, labels = cv2.connectedComponents(frontier.view(np.uint8), connectivity=8)
    lengths_m = cell_m * np.bincount(labels[frontier], minlength=num_labels)
    wide = lengths_m >= robot_width
    frontier_m, edge_m = float(lengths_m[wide].sum()), cell_m * int(edge.sum())
    return Coverage(
        observed_m2=cell_m**2 * int((cells != UNKNOWN).sum()),
        free_m2=cell_m**2 * int(free.sum()),
        frontier_m=frontier_m,
        num_frontiers=int(wide.sum()),
        closed=1.0 - frontier_m / edge_m if edge_m else float('nan'),
    )


def _grown(cells: Bool[np.ndarray, 'H W'], kernel: np.ndarray) -> Bool[np.ndarray, 'H W']:
    """Return the cells and their neighbors."""
    return cv2.dilate(cells.view(np.uint8), kernel).view(bool)


def _cells_from(
    places: Int64[np.ndarray, 'N 2'], shape: tuple[int, ...]
) -> Float32[np.ndarray, 'H W']:
    """Return how many cells each one is from the nearest of places, as column and row."""
    column, row = places.T
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    if not inside.any():
        return np.full(shape, np.inf, dtype=np.float32)
    is_elsewhere = np.ones(shape, dtype=np.uint8)
    is_elsewhere[row[inside], column[inside]] = 0
    distance = cv2.distanceTransform(is_elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, dtype=np.float32)


def _reached(
    free: Bool[np.ndarray, 'H W'], start: Bool[np.ndarray, 'H W']
) -> Bool[np.ndarray, 'H W']:
    """Return those connected parts of free space that some start is in."""
    num_labels, labels = cv2.connectedComponents(free.view(np.uint8), connectivity=4)
    is_kept = np.zeros(num_labels, dtype=bool)
    is_kept[labels[start & free]] = True
    return is_kept[labels]
