"""Loop hypothesis: a loop that the images of one window confirm, until another one says the same.

Pairwise consistency (Mangelson et al., "Pairwise consistent measurement set maximization for
robust multi-robot map merging", ICRA 2018): two loops and the paths between their ends form a
cycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import angle_between
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import compose
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap
from vggt_ros.mapping.refinement.pair_verification import KeyframeView
from vggt_ros.mapping.refinement.place_verification import VerifiedPlace

# Two queries that are to agree are of windows no farther apart.
MAX_WINDOWS_BETWEEN = 3
# What two places of one query, and two queries, may differ by: radians, median depths, log scale.
_MAX_ROTATION_RAD, _MAX_TRANSLATION, _MAX_LOG_SCALE = np.radians(8.0), 0.2, 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoopHypothesis:
    """A loop that one window's images confirmed.

    Attributes:
        edge: The loop.
        frame_id: A stored keyframe of the place.
        median_depth: What the newest camera sees, units of submap j.
        correction: How far the newest camera would go, median depths, or log scale.
        num_windows: Windows in a row that say this.
    """

    edge: Edge
    frame_id: int
    median_depth: float
    correction: float
    num_windows: int = 1


def hypothesis_of(
    verified: VerifiedPlace,
    newest: KeyframeView,
    frame_id: int,
    old: PlacedSubmap,
    new: PlacedSubmap,
) -> LoopHypothesis:
    """Return what a verified place says about the submaps of the two windows.

    Args:
        verified: The place, everything in the frame of the map.
        newest: The newest query keyframe.
        frame_id: A stored keyframe of the place.
        old: Its submap.
        new: That of the query.
    """
    corrected_from_map = verified.stored_from_query
    cam_from_map = se3.inverse(newest.place_from_cam)
    cam_from_new = Sim3(1.0, cam_from_map[:3, :3], cam_from_map[:3, 3]) @ new.map_from_submap
    position = newest.place_from_cam[:3, 3]
    distance = float(np.linalg.norm(corrected_from_map.apply(position) - position))
    return LoopHypothesis(
        edge=Edge(
            i=old.id,
            j=new.id,
            i_from_j=old.map_from_submap.inverse() @ corrected_from_map @ new.map_from_submap,
            covariance=compose(verified.covariance, cam_from_new, np.zeros((7, 7))),
            is_loop=True,
        ),
        frame_id=frame_id,
        median_depth=verified.median_depth / new.map_from_submap.scale,
        correction=max(
            distance / verified.median_depth, abs(float(np.log(corrected_from_map.scale)))
        ),
    )


def are_one(a: VerifiedPlace, b: VerifiedPlace, newest: KeyframeView) -> bool:
    """Return whether two places put the newest camera at one spot of the map."""
    camera = Sim3(1.0, newest.place_from_cam[:3, :3], newest.place_from_cam[:3, 3])
    return _is_small(
        (a.stored_from_query @ camera).inverse() @ b.stored_from_query @ camera, a.median_depth
    )


def say_the_same(
    first: LoopHypothesis, second: LoopHypothesis, placed: Mapping[int, PlacedSubmap]
) -> bool:
    """Return whether two loops, of two windows, form a cycle with the paths between their ends."""
    ids = {first.edge.i, first.edge.j, second.edge.i, second.edge.j}
    if not ids <= set(placed):
        return False
    if not 0 < second.edge.j - first.edge.j <= MAX_WINDOWS_BETWEEN:
        return False
    place = {submap_id: placed[submap_id].map_from_submap for submap_id in ids}
    between_new = place[first.edge.j].inverse() @ place[second.edge.j]
    between_old = place[first.edge.i].inverse() @ place[second.edge.i]
    by_first = first.edge.i_from_j @ between_new
    by_second = between_old @ second.edge.i_from_j
    return _is_small(by_first.inverse() @ by_second, second.median_depth)


def _is_small(difference: Sim3, median_depth: float) -> bool:
    return bool(
        angle_between(difference.rotation, np.eye(3)) <= _MAX_ROTATION_RAD
        and np.linalg.norm(difference.translation) <= _MAX_TRANSLATION * median_depth
        and abs(np.log(difference.scale)) <= _MAX_LOG_SCALE
    )
