"""Floor plane: the height of the floor below the cameras, found in the scans of a z-up map."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
import numpy as np

from vggt_ros.mapping.layers.occupancy_scan import OccupancyScan

# The ground is cut into squares of so many grid cells; each says how high its lowest points are.
_SQUARE_CELLS = 4
# A floor is what so many squares agree on, and this share of all that were seen from above.
_MIN_SQUARES, _MIN_SHARE = 30, 0.35
# Points of a square that may be below its surface by error.
_LOW_SHARE, _MIN_POINTS = 0.1, 4
# What is less below the camera is no floor: a table that a camera stands on.
_MIN_DROP_CELLS = 5
# Another height that so many squares agree on as well, compared with the best.
_MAX_RIVAL = 0.5
# Estimates in a row that must agree before the floor is taken to be there.
_AGREEING = 3


class FloorPlane:
    """The height of the floor, once several estimates agree on it.

    Attributes:
        z: In the map, map units; 0 until it is known.
    """

    def __init__(self) -> None:
        self.z = 0.0
        self._heights: list[float] = []

    def clear(self) -> None:
        """Forget the floor."""
        self.z = 0.0
        self._heights.clear()

    def move(self, height: float | None) -> None:
        """Follow a correction of the map.

        Args:
            height: Of `floor_height` in the corrected map; None leaves a known floor as it was.
        """
        self._heights.clear()
        if self.z and height is not None:
            self.z = height

    def note(self, height: float | None, tolerance: float) -> bool:
        """Take a further estimate; return whether the floor is elsewhere now.

        Args:
            height: Of `floor_height`; None changes nothing, but breaks a row of agreeing ones.
            tolerance: By which estimates that agree differ at most, and by which a floor must
                have moved to count as another.
        """
        if height is None:
            self._heights.clear()
            return False
        self._heights = [*self._heights[1 - _AGREEING :], height]
        found = float(np.median(self._heights))
        is_stable = np.ptp(self._heights) <= tolerance and len(self._heights) == _AGREEING
        if not is_stable or abs(found - self.z) <= tolerance:
            return False
        self.z = found
        return True


def floor_height(scans: Sequence[OccupancyScan], cell: float) -> float | None:
    """Return the height of the one plane that most of the ground below the cameras lies in.

    Every square of the ground counts once, by the lowest points seen in it: a wall covers few
    squares, and what stands on the floor hides it in its own squares only.

    Args:
        scans: In a map whose z is up.
        cell: Edge of a cell of the grid, map units.

    Returns:
        z in the map; None if no plane is large enough, or two are.
    """
    points = [
        scan.offsets_in_map()[scan.is_kept] + scan.center_in_map.astype(np.float32)
        for scan in scans
    ]
    if not points:
        return None
    below = min(float(scan.center_in_map[2]) for scan in scans) - _MIN_DROP_CELLS * cell
    lowest = _lowest_of_squares(np.concatenate(points), _SQUARE_CELLS * cell)
    lowest = lowest[lowest < below]
    if len(lowest) < _MIN_SQUARES:
        return None
    counts = _agreeing(lowest, 1.5 * cell)
    best = int(np.argmax(counts))
    if counts[best] < max(_MIN_SQUARES, _MIN_SHARE * len(lowest)):
        return None
    is_elsewhere = np.abs(lowest - lowest[best]) > 4.0 * cell
    if is_elsewhere.any() and counts[is_elsewhere].max() > _MAX_RIVAL * counts[best]:
        return None
    return float(np.median(lowest[np.abs(lowest - lowest[best]) <= 1.5 * cell]))


def _lowest_of_squares(
    points_in_map: Float[np.ndarray, 'N 3'], square: float
) -> Float[np.ndarray, ' n']:
    """Return how high the lowest points of every square are that has enough of them."""
    if not len(points_in_map):
        return np.zeros(0)
    column, row = np.floor(points_in_map[:, :2] / square).astype(np.int64).T
    order = np.lexsort((points_in_map[:, 2], row, column))
    key = np.stack([column[order], row[order]])
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (key[:, 1:] != key[:, :-1]).any(axis=0)
    first = np.flatnonzero(is_first)
    counts = np.diff(np.append(first, len(order)))
    pick = first + (_LOW_SHARE * counts).astype(np.int64)
    heights = points_in_map[order, 2].astype(np.float64)[pick]
    found: Float[np.ndarray, ' n'] = heights[counts >= _MIN_POINTS]
    return found


def _agreeing(heights: Float[np.ndarray, ' n'], tolerance: float) -> np.ndarray:
    """Return for every height how many are within the tolerance of it."""
    ordered = np.sort(heights)
    above = np.searchsorted(ordered, heights + tolerance, side='right')
    return np.asarray(above - np.searchsorted(ordered, heights - tolerance, side='left'))
