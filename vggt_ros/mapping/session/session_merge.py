"""Session merge: two stored maps that have places in common become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
import logging

import numpy as np

from vggt_ros.errors import AlignmentError, SessionError
from vggt_ros.mapping.backend.keyframe_database import KeyframeDatabase, StoredKeyframe
from vggt_ros.mapping.backend.loop_closure import LoopQuery
from vggt_ros.mapping.backend.loop_verification import LoopVerifier
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.submap_graph import SubmapGraph
from vggt_ros.mapping.layers.voxel_map import VoxelMap
from vggt_ros.mapping.registration.submap import joined
from vggt_ros.mapping.session.map_session import MapSession
from vggt_ros.settings.world_config import LoopSettings, MapSettings

# Keyframes of the second map that are looked up at a time: of a submap and of some before it.
_MAX_IN_QUERY = 4
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergedSessions:
    """What came of it.

    Attributes:
        session: The one map, in the frame and the unit of the first.
        num_common: Places of the second that were found in the first.
        is_swapped: Whether the second was taken for the first, because only it is in meters.
    """

    session: MapSession
    num_common: int
    is_swapped: bool


def merge_sessions(first: MapSession, second: MapSession, settings: MapSettings) -> MergedSessions:
    """Make one map of two that were made at different times.

    Places of the second are looked for among those of the first, as those of a live map are; the
    graph of both is solved anew with every one that is found.

    Args:
        first: Stays where it is, but for what places in common say of its own errors.
        second: Is brought to it.
        settings: `map.*`: edge and number of the voxels.

    Raises:
        SessionError: They have no place in common, or none that is known by its features.
    """
    is_swapped = second.is_metric and not first.is_metric
    if is_swapped:
        first, second = second, first
    graph = SubmapGraph()
    first = first.renumbered(graph.restore(first.submaps, first.edges))
    ids = graph.restore(second.submaps, second.edges)
    second = second.renumbered(ids, before=min(first.frame_ids, default=0))
    # To the verification the second map is the session that goes on.
    graph.first_own_id = min(ids.values())
    before = {each.id: each.map_from_submap for each in graph.submaps}
    num_common = _close_common(graph, first, second, is_rigid=second.is_metric)
    if not num_common:
        raise SessionError(
            f'the maps have no place in common: none of {len(second.keyframes)} places of one was '
            f'found among {len(first.keyframes)} of the other; record a session that passes '
            f'through both (with refine.mode off no places are recognized)'
        )
    correction = {
        each.id: each.map_from_submap @ before[each.id].inverse() for each in graph.submaps
    }
    return MergedSessions(
        session=_joined(
            graph, first.corrected(correction), second.corrected(correction), settings
        ),
        num_common=num_common,
        is_swapped=is_swapped,
    )


def _close_common(
    graph: SubmapGraph, first: MapSession, second: MapSession, *, is_rigid: bool
) -> int:
    """Close a loop wherever the second map comes to a place of the first; return how many."""
    database = KeyframeDatabase(LoopSettings(max_places=100_000))
    database.restore(first.keyframes)
    verifier = LoopVerifier(database)
    queries = list(second.keyframes)
    num_common = 0
    for newest, keyframe in enumerate(queries):
        following = queries[newest + 1 : newest + 2]
        if following and following[0].submap_id == keyframe.submap_id:
            continue
        if keyframe.submap_id not in graph:
            continue
        edge = _found(verifier, graph, queries[max(0, newest + 1 - _MAX_IN_QUERY) : newest + 1])
        if edge is None:
            continue
        try:
            correction = graph.close(edge, is_rigid=is_rigid)
        except AlignmentError:
            _log.warning('a place in common could not be taken in', exc_info=True)
            continue
        num_common += bool(correction)
        database.correct(correction)
        queries = [
            each.moved(correction[each.submap_id]) if each.submap_id in correction else each
            for each in queries
        ]
    return num_common


def _found(
    verifier: LoopVerifier, graph: SubmapGraph, keyframes: Sequence[StoredKeyframe]
) -> Edge | None:
    """Look for the place of some keyframes; those of another segment than the newest are left."""
    submap = graph[keyframes[-1].submap_id]
    of_one = [
        each
        for each in keyframes
        if each.submap_id in graph and graph[each.submap_id].segment == submap.segment
    ]
    query = LoopQuery(
        submap=submap,
        frames=tuple(each.frame for each in of_one),
        # Their poses are of interest, and images may differ in size.
        in_map=joined([each.in_map.subsampled(1) for each in of_one]),
        descriptors=np.stack([each.descriptor for each in of_one]),
        features=tuple(each.features for each in of_one),
    )
    return verifier.look_up(query, graph)


def _joined(
    graph: SubmapGraph, first: MapSession, second: MapSession, settings: MapSettings
) -> MapSession:
    voxels = VoxelMap(settings.voxel_size, settings.max_points)
    voxels.absorb(second.voxels)
    voxels.absorb(first.voxels)
    return replace(
        first,
        submaps=graph.submaps,
        edges=graph.edges,
        keyframes=(*first.keyframes, *second.keyframes),
        voxels=voxels.voxels(),
        path={**second.path, **first.path},
        scans=(*first.scans, *second.scans),
    )
