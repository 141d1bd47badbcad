"""Refined session: the stored map of a run, where its keyframes are in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
import math

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.mapping.session.map_session import MapSession


def refined_session(
    session: MapSession,
    map_from_cam: Mapping[int, Float[np.ndarray, '4 4']],
    growth: Mapping[int, float],
    scale: ScaleState,
) -> MapSession:
    """Bring a session to where all keyframes are after they were adjusted at once.

    Each submap goes with the middle one of its keyframes, and what hangs on it with the submap;
    poses of the path are those of the keyframes. Covariances stay what they were.

    Args:
        session: As the mapper has it.
        map_from_cam: Poses of the keyframes of its path in the end, by frame.
        growth: How much longer lengths around each are in the end, by frame.
        scale: What is known of meters in the end.
    """
    moves: dict[int, Sim3] = {}
    by_submap = sorted((pose.submap_id, frame_id) for frame_id, pose in session.path.items())
    for submap_id, members in groupby(by_submap, key=lambda each: each[0]):
        ids = [frame_id for _, frame_id in members if frame_id in map_from_cam]
        if ids:
            middle = ids[len(ids) // 2]
            old = session.path[middle].view.map_from_cam
            moves[submap_id] = _move(old, map_from_cam[middle], growth[middle])
    if not moves:
        return session
    known = sorted(moves)
    for submap in session.submaps:
        if submap.id not in moves:
            near = min(known, key=lambda each: abs(each - submap.id))
            moves[submap.id] = moves[near]
    moved = session.corrected(moves)
    places = {each.id: moves[each.id] @ each.map_from_submap for each in session.submaps}
    path = {}
    for frame_id, pose in moved.path.items():
        found = map_from_cam.get(frame_id)
        if found is not None:
            pose = replace(pose, view=replace(pose.view, map_from_cam=found))
        path[frame_id] = pose
    return replace(
        moved,
        submaps=tuple(replace(each, map_from_submap=places[each.id]) for each in moved.submaps),
        edges=tuple(_as_placed(each, places) for each in moved.edges),
        path=path,
        usual_depth=session.usual_depth * float(np.median(list(growth.values()))),
        origin_in_map=moves[session.submaps[0].id].apply(session.origin_in_map),
        is_metric=scale.is_metric,
        log_scale_sigma=scale.log_sigma if scale.is_metric else math.inf,
        scale_source=scale.source if scale.is_metric else '',
    )


def _move(old: Float[np.ndarray, '4 4'], new: Float[np.ndarray, '4 4'], growth: float) -> Sim3:
    rotation = new[:3, :3] @ old[:3, :3].T
    return Sim3(growth, rotation, new[:3, 3] - growth * (rotation @ old[:3, 3]))


def _as_placed(edge: Edge, places: Mapping[int, Sim3]) -> Edge:
    return replace(edge, i_from_j=places[edge.i].inverse() @ places[edge.j])
