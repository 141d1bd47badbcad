"""Map history: how poses and the unit of the map changed since a frame entered it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

# Positions spread by less than this part of their distance from the origin tell no unit.
_MIN_SPREAD = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    frame_ids: tuple[int, ...]
    positions: Float[np.ndarray, 'n 3']
    unit: float


class MapHistory:
    """Where the frames of each window were when it entered the map.

    Loops move submaps, and the first measurement of the scale makes the unit of the map a meter;
    what was measured in the map before is in the unit of then.
    """

    def __init__(self) -> None:
        self._moments: list[_Moment] = []
        self._moment_of: dict[int, int] = {}
        self._unit = 1.0

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self._moments)

    def add(
        self,
        frame_ids: Sequence[int],
        map_from_cam: Mapping[int, Float[np.ndarray, '4 4']],
        correction_scale: float,
    ) -> int:
        """Note a window that has entered the map; return its number.

        Args:
            frame_ids: Its frames that are in the map.
            map_from_cam: Their poses, now.
            correction_scale: By how much the map around them has just grown, 1 if it has not.
        """
        self._unit *= correction_scale
        number = len(self._moments)
        known = tuple(i for i in frame_ids if i in map_from_cam)
        positions = np.array([map_from_cam[i][:3, 3] for i in known]).reshape(-1, 3)
        self._moments.append(_Moment(known, positions, self._unit))
        for frame_id in known:
            self._moment_of.setdefault(frame_id, number)
        return number

    def window_of(self, frame_id: int) -> int | None:
        """Return the number of the window that a frame entered the map with."""
        return self._moment_of.get(frame_id)

    def growth(self, window: int, map_from_cam: Mapping[int, Float[np.ndarray, '4 4']]) -> float:
        """Return how much longer what a window measured is in the unit of the map now.

        Args:
            window: Its number.
            map_from_cam: Poses by frame, now.
        """
        moment = self._moments[window]
        use = [k for k, i in enumerate(moment.frame_ids) if i in map_from_cam]
        overall = self._unit / moment.unit
        if len(use) < 2:
            return overall
        before = moment.positions[use]
        now = np.array([map_from_cam[moment.frame_ids[k]][:3, 3] for k in use])
        spreads = [float(np.linalg.norm(p - p.mean(axis=0))) for p in (before, now)]
        size = float(np.abs(before).max())
        if spreads[0] <= _MIN_SPREAD * max(size, _MIN_SPREAD):
            return overall
        return spreads[1] / spreads[0]
