"""Closed loops against the truth: what each says of two places, and where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float, Int64
import numpy as np

from vggt_ros.geometry.rotation import angle_between
from vggt_ros.geometry.se3 import inverse
from vggt_ros.mapping.backend.submap_graph import ClosedLoop

MAX_ERROR_M = 0.5
MAX_ERROR_DEG = 20.0
_NEIGHBORS = 8  # posed frames to either side, over which lengths are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopError:
    """A closed loop and the truth about it.

    Attributes:
        old_frame: First frame of the window at the place.
        new_frame: First frame of the window that came back.
        distance_m: True distance of the nearest two cameras of the windows.
        angle_deg: True angle between their orientations.
        claimed_m: Distance of the two first cameras as the loop says, in the true unit.
        error_m: How far that is from the truth, as a vector.
        error_deg: The same of the relative orientation.
    """

    old_frame: int
    new_frame: int
    distance_m: float
    angle_deg: float
    claimed_m: float
    error_m: float
    error_deg: float

    def is_wrong(self, max_error_m: float = MAX_ERROR_M) -> bool:
        """Return whether the loop says something that is not so.

        Args:
            max_error_m: Where the second place may be, off from where the loop says; its
                orientation may be off by `MAX_ERROR_DEG`.
        """
        return self.error_m > max_error_m or self.error_deg > MAX_ERROR_DEG


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TruePath:
    """Estimated and true poses of the same frames.

    Attributes:
        frame_index: (M,) of the estimated poses, ascending.
        map_from_cam: (M, 4, 4) estimated.
        world_from_cam: (N, 4, 4) true poses of all frames by number, NaN where unknown.
    """

    frame_index: Int64[np.ndarray, ' M']
    map_from_cam: Float[np.ndarray, 'M 4 4']
    world_from_cam: Float[np.ndarray, 'N 4 4']

    def meters_per_unit(self, frame: int) -> float:
        """Return the true length of a unit of the map around a frame, NaN if nothing tells."""
        middle = int(np.searchsorted(self.frame_index, frame))
        near = slice(max(0, middle - _NEIGHBORS), middle + _NEIGHBORS + 1)
        true = self.world_from_cam[self.frame_index[near], :3, 3]
        said = self.map_from_cam[near, :3, 3]
        is_known = np.isfinite(true).all(axis=1)
        if is_known.sum() < 2:
            return float('nan')
        true_m, said_units = _spread(true[is_known]), _spread(said[is_known])
        return true_m / said_units if said_units > 0 else float('nan')


def loop_errors(
    loops: tuple[ClosedLoop, ...], frames_of_submap: Mapping[int, tuple[int, ...]], path: TruePath
) -> list[LoopError]:
    """Compare loops with the truth; those of frames whose truth is unknown are left out.

    Args:
        loops: All that were closed.
        frames_of_submap: Numbers of the frames of each window, by submap.
        path: The map after all corrections, and the truth.
    """
    found = []
    for loop in loops:
        old, new = frames_of_submap[loop.old.id], frames_of_submap[loop.new.id]
        first = path.world_from_cam[[old[0], new[0]]]
        unit_m = path.meters_per_unit(old[0])
        if not np.isfinite(first).all() or not np.isfinite(unit_m):
            continue
        true_old_from_new = inverse(first[0]) @ first[1]
        claimed = unit_m * loop.old_from_new.translation
        distance_m, angle_deg = _nearest(path.world_from_cam, old, new)
        found.append(
            LoopError(
                old_frame=old[0],
                new_frame=new[0],
                distance_m=distance_m,
                angle_deg=angle_deg,
                claimed_m=float(np.linalg.norm(claimed)),
                error_m=float(np.linalg.norm(claimed - true_old_from_new[:3, 3])),
                error_deg=float(
                    np.degrees(
                        angle_between(loop.old_from_new.rotation, true_old_from_new[:3, :3])
                    )
                ),
            )
        )
    return found


def _spread(centers: Float[np.ndarray, 'n 3']) -> float:
    return float(np.sqrt(((centers - centers.mean(axis=0)) ** 2).sum()))


def _nearest(
    world_from_cam: Float[np.ndarray, 'N 4 4'], old: tuple[int, ...], new: tuple[int, ...]
) -> tuple[float, float]:
    """Return distance and angle of the nearest two cameras of two windows."""
    pairs = [(i, j) for i in old for j in new if np.isfinite(world_from_cam[[i, j]]).all()]
    steps = [world_from_cam[j, :3, 3] - world_from_cam[i, :3, 3] for i, j in pairs]
    distances_m = np.linalg.norm(steps, axis=1)
    i, j = pairs[int(distances_m.argmin())]
    angle_rad = angle_between(world_from_cam[i, :3, :3], world_from_cam[j, :3, :3])
    return float(distances_m.min()), float(np.degrees(angle_rad))
