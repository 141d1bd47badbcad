"""Joined session: the stored maps of shards as one, for a later run that goes on with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
import logging

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import SessionError
from vggt_ros.geometry.uncertainty import compose, in_unit, isotropic
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap
from vggt_ros.mapping.layers.voxel_map import VoxelMap
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel
from vggt_ros.mapping.session.map_session import MapSession
from vggt_ros.mapping.session.session_folder import read_session
from vggt_ros.offline.refined_session import refined_session
from vggt_ros.offline.shards.shard_files import Shard
from vggt_ros.offline.shards.shared_frames import Joint
from vggt_ros.settings.world_config import MapSettings

_LOG_SCALE_SIGMA = 2e-3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyframePlace:
    """Where a keyframe of a shard is in the joined map.

    Attributes:
        map_from_cam: (4, 4) rigid.
        growth: What lengths of the shard's map are in it.
        segment: The part of the joined map that it is in.
    """

    map_from_cam: Float[np.ndarray, '4 4']
    growth: float
    segment: int


def joined_session(
    shards: Sequence[Shard],
    places: Sequence[Mapping[int, KeyframePlace]],
    joints: Sequence[Joint | str],
    scale: ScaleState,
    settings: MapSettings,
) -> MapSession | None:
    """Return the sessions of shards as one; ids of frames count through all of them.

    Of a keyframe that two shards have, one is kept. Submaps that follow each other across a joint
    are connected as they lie there; loops across shards have moved them and leave no edge.

    Args:
        shards: That were mapped, in order.
        places: Of each, the keyframes that it answers for, by their number in it.
        joints: Of each but the first with the one before.
        scale: What is known of meters in the joined map.
        settings: `map.*`: edge and number of the voxels.

    Returns:
        None if a shard has no session that can be read.
    """
    parts: list[MapSession] = []
    submaps: list[PlacedSubmap] = []
    edges: list[Edge] = []
    num_frames = 0
    for number, (shard, own) in enumerate(zip(shards, places, strict=True)):
        if not own:
            continue
        try:
            stored = read_session(shard.folder)
        except SessionError as error:
            _log.warning('the joined map has no session: %s', error)
            return None
        part = _labeled(_own(stored, own, scale), own)
        ids = {each.id: len(submaps) + k for k, each in enumerate(part.submaps)}
        num_frames += len(part.frame_ids)
        part = part.renumbered(ids, before=num_frames)
        fresh = [replace(each, id=ids[each.id]) for each in part.submaps]
        edges += [replace(each, i=ids[each.i], j=ids[each.j]) for each in part.edges]
        before = submaps[-1] if submaps else None
        if before is not None and fresh and before.segment == fresh[0].segment:
            edge = _edge(before, fresh[0], joints[number - 1], part.usual_depth)
            edges.append(edge)
            fresh = _surer_than(before, fresh, edge)
        submaps += fresh
        parts.append(part)
    return _one(parts, submaps, edges, settings) if parts else None


def _own(session: MapSession, own: Mapping[int, KeyframePlace], scale: ScaleState) -> MapSession:
    """Return the session where the joined map has it, without keyframes of other shards."""
    moved = refined_session(
        session,
        {i: place.map_from_cam for i, place in own.items()},
        {i: place.growth for i, place in own.items()},
        scale,
    )
    return replace(
        moved,
        path={i: pose for i, pose in moved.path.items() if i in own},
        keyframes=tuple(each for each in moved.keyframes if each.frame.id in own),
    )


def _labeled(session: MapSession, own: Mapping[int, KeyframePlace]) -> MapSession:
    """Return the session with segments of the joined map, without submaps of none."""
    local = {each.id: each.segment for each in session.submaps}
    votes: dict[int, Counter[int]] = {}
    for i, pose in session.path.items():
        if pose.submap_id in local:
            votes.setdefault(local[pose.submap_id], Counter())[own[i].segment] += 1
    label = {segment: count.most_common(1)[0][0] for segment, count in votes.items()}
    kept = [
        replace(each, segment=label[each.segment])
        for each in session.submaps
        if each.segment in label
    ]
    known = {each.id for each in kept}
    return replace(
        session,
        submaps=tuple(kept),
        edges=tuple(each for each in session.edges if {each.i, each.j} <= known),
    )


def _edge(before: PlacedSubmap, after: PlacedSubmap, joint: Joint | str, depth: float) -> Edge:
    i_from_j = before.map_from_submap.inverse() @ after.map_from_submap
    way = float(np.linalg.norm(i_from_j.translation))
    rotation_rad, shift = PoseErrorModel().over(way / depth)
    covariance = isotropic(rotation_rad, shift * depth, _LOG_SCALE_SIGMA)
    if not isinstance(joint, str):
        covariance = covariance + in_unit(joint.covariance, after.map_from_submap.scale)
    return Edge(i=before.id, j=after.id, i_from_j=i_from_j, covariance=covariance)


def _surer_than(
    before: PlacedSubmap, fresh: Sequence[PlacedSubmap], edge: Edge
) -> list[PlacedSubmap]:
    """Return submaps with covariances against the first one of the segment they now belong to."""
    first = fresh[0]
    start = compose(before.covariance, edge.i_from_j, edge.covariance)
    return [
        replace(
            each,
            covariance=compose(
                start, first.map_from_submap.inverse() @ each.map_from_submap, each.covariance
            ),
        )
        if each.segment == first.segment
        else each
        for each in fresh
    ]


def _one(
    parts: Sequence[MapSession],
    submaps: Sequence[PlacedSubmap],
    edges: Sequence[Edge],
    settings: MapSettings,
) -> MapSession:
    voxels = VoxelMap(settings.voxel_size, settings.max_points)
    for part in reversed(parts):
        voxels.absorb(part.voxels)
    return replace(
        parts[0],
        submaps=tuple(submaps),
        edges=tuple(edges),
        keyframes=tuple(each for part in parts for each in part.keyframes),
        voxels=voxels.voxels(),
        path={i: pose for part in parts for i, pose in part.path.items()},
        scans=tuple(scan for part in parts for scan in part.scans),
        usual_depth=float(np.median([part.usual_depth for part in parts])),
        is_upright=all(part.is_upright for part in parts),
    )
