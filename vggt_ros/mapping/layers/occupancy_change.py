"""Occupancy change: what of a grid differs from the one that went out whole before."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Int8, Int64
import numpy as np

from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells

# Of the cells of a grid: above it the whole grid costs little more, and all begin anew from it.
_MAX_SHARE = 0.5
# A planner that missed something for whatever reason has it again after so many.
_MAX_PATCHES = 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OccupancyPatch:
    """A rectangle of a grid.

    Attributes:
        cells: (h, w) as in `OccupancyCells`; rows along y, columns along x. At least one.
        row: Of the grid, of the first row.
        column: Of the grid, of the first column.
    """

    cells: Int8[np.ndarray, 'h w']
    row: int
    column: int

    def put_into(self, grid: Int8[np.ndarray, 'H W']) -> None:
        """Write the rectangle into the cells of its grid, as one who receives it does."""
        height, width = self.cells.shape
        grid[self.row : self.row + height, self.column : self.column + width] = self.cells


class OccupancyChanges:
    """Decides what of a grid goes out: all of it, what changed, or nothing.

    A patch holds all that changed since the newest grid that went out whole, not since the patch
    before. So one that is lost, or comes to someone who has that grid only, does no harm: the
    newest patch on the newest whole grid is the grid. Not thread-safe.
    """

    def __init__(self) -> None:
        """Nothing went out."""
        self._latest: OccupancyCells | None = None
        # Row and column, of what is in patches.
        self._first: Int64[np.ndarray, ' 2']
        self._end: Int64[np.ndarray, ' 2']
        self._begin_anew()

    def next(
        self, cells: OccupancyCells, *, whole: bool = False
    ) -> OccupancyCells | OccupancyPatch | None:
        """Return what goes out, and take note of it.

        Args:
            cells: The grid as it is now; not changed afterwards.
            whole: Whether someone needs all of it.

        Returns:
            The grid where it is asked for, where it lies or is divided otherwise than the one
            before, where a patch would be more than half of it, and after thirty patches; else a
            patch; None if the grid is what it was.
        """
        latest, self._latest = self._latest, cells
        if whole or latest is None or not _is_same_place(latest, cells):
            self._begin_anew()
            return cells
        differs = np.argwhere(latest.cells != cells.cells)
        if not len(differs):
            return None
        # What was in an earlier patch stays in, even where it is again as it was at first.
        self._first = np.minimum(self._first, differs.min(axis=0))
        self._end = np.maximum(self._end, differs.max(axis=0) + 1)
        self._num_patches += 1
        is_large = (self._end - self._first).prod() > _MAX_SHARE * cells.cells.size
        if is_large or self._num_patches > _MAX_PATCHES:
            self._begin_anew()
            return cells
        (row, column), (end_row, end_column) = self._first.tolist(), self._end.tolist()
        return OccupancyPatch(
            cells=cells.cells[row:end_row, column:end_column], row=row, column=column
        )

    def _begin_anew(self) -> None:
        self._num_patches = 0
        self._first = np.full(2, np.iinfo(np.int64).max)
        self._end = np.zeros(2, dtype=np.int64)


def _is_same_place(one: OccupancyCells, other: OccupancyCells) -> bool:
    return (
        one.cells.shape == other.cells.shape
        and one.resolution_m == other.resolution_m
        and bool((one.origin_xy_m == other.origin_xy_m).all())
    )
