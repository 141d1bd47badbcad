"""Map session: what a later run needs to recognize the places of a map and to go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from jaxtyping import Float
import numpy as np

from vggt_ros.mapping.backend.keyframe_database import StoredKeyframe
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.submap_graph import Correction, PlacedSubmap
from vggt_ros.mapping.layers.occupancy_scan import OccupancyScan
from vggt_ros.mapping.layers.trajectory import PathPose
from vggt_ros.mapping.layers.voxel_map import Voxels

_Movable = TypeVar('_Movable', StoredKeyframe, PathPose, OccupancyScan)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapSession:
    """A map as of one moment; ids of submaps and frames are unique within it.

    Attributes:
        submaps: Oldest first.
        edges: Between them.
        keyframes: The places that are known, oldest first.
        voxels: The accumulated points.
        path: The poses that are kept, by frame id, oldest first.
        scans: What the occupancy grid is drawn from, oldest first.
        is_metric: Whether lengths are meters.
        log_scale_sigma: Standard deviation of the log of the scale; infinite if nothing is known.
        scale_source: Where meters came from; empty if they did not.
        usual_depth: How far away things usually are, map units.
        origin_in_map: (3,) the first camera; what changes the unit of the map leaves it.
        is_upright: Whether the z axis is known to point up.
    """

    submaps: tuple[PlacedSubmap, ...]
    edges: tuple[Edge, ...]
    keyframes: tuple[StoredKeyframe, ...]
    voxels: Voxels
    path: Mapping[int, PathPose]
    scans: tuple[OccupancyScan, ...]
    is_metric: bool
    log_scale_sigma: float
    scale_source: str
    usual_depth: float
    origin_in_map: Float[np.ndarray, ' 3']
    is_upright: bool

    @property
    def frame_ids(self) -> list[int]:
        """Ids of all frames, ascending."""
        return sorted({*self.path, *(each.frame.id for each in self.keyframes)})

    def corrected(self, correction: Correction) -> MapSession:
        """Return what hangs on submaps where these have gone; the submaps are left as they are.

        Args:
            correction: map_from_old_map by submap.
        """
        return replace(
            self,
            keyframes=tuple(_follow(each, correction) for each in self.keyframes),
            voxels=self.voxels.corrected(correction),
            path={i: _follow(each, correction) for i, each in self.path.items()},
            scans=tuple(_follow(each, correction) for each in self.scans),
        )

    def renumbered(self, submap_ids: Mapping[int, int], *, before: int = 0) -> MapSession:
        """Return the same with other ids: submaps as told, frames below zero in their order.

        Frames of a session that goes on count from zero, so that the two never meet.

        Args:
            submap_ids: New id by old one, as `SubmapGraph.restore` gives them.
            before: That all frames are numbered below.
        """
        known = self.frame_ids
        frame_ids = {old: before + k - len(known) for k, old in enumerate(known)}
        voxels = self.voxels
        old_ids = np.array(sorted(submap_ids), dtype=np.int64)
        new_ids = np.array([submap_ids[each] for each in old_ids.tolist()], dtype=np.int64)
        rows = np.searchsorted(old_ids, voxels.submap_ids)
        rows = np.minimum(rows, max(0, len(old_ids) - 1))
        if len(old_ids):
            is_known = old_ids[rows] == voxels.submap_ids
            # Their submaps were forgotten: they stay where they are.
            moved = np.where(is_known, new_ids[rows], -1)
            voxels = replace(voxels, submap_ids=moved)
        return replace(
            self,
            keyframes=tuple(
                _renumbered(each, submap_ids.get(each.submap_id, -1), frame_ids[each.frame.id])
                for each in self.keyframes
            ),
            voxels=voxels,
            path={
                frame_ids[old]: replace(pose, submap_id=submap_ids.get(pose.submap_id, -1))
                for old, pose in self.path.items()
            },
            scans=tuple(
                replace(scan, submap_id=submap_ids.get(scan.submap_id, -1)) for scan in self.scans
            ),
        )


def _follow(thing: _Movable, correction: Correction) -> _Movable:
    move = correction.get(thing.submap_id)
    return thing if move is None else thing.moved(move)


def _renumbered(keyframe: StoredKeyframe, submap_id: int, frame_id: int) -> StoredKeyframe:
    return replace(
        keyframe,
        submap_id=submap_id,
        frame=replace(keyframe.frame, id=frame_id),
        in_map=replace(keyframe.in_map, frame_ids=(frame_id,)),
    )
