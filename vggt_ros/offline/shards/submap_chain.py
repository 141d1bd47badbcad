"""Submap chain: shards in one map, joint by joint, and moved by the loops across them.

Each shard becomes submaps of a few keyframes in a row. They are added to one `SubmapGraph` in the
order in which they were taken, and every one is compared with stored keyframes, as the mapper does
with its windows: what the images confirm closes a loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
import logging

from jaxtyping import Float, Float32, Int64
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.backend.keyframe_database import KeyframeDatabase, StoredKeyframe
from vggt_ros.mapping.backend.loop_closure import LoopQuery
from vggt_ros.mapping.backend.loop_verification import LoopVerifier
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap, SubmapGraph
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.offline.shards.shard_files import Shard
from vggt_ros.offline.shards.shared_frames import frame_keys, Joint
from vggt_ros.settings.world_config import LoopSettings

_log = logging.getLogger(__name__)
# Keyframes of a submap: what a window of the mapper adds.
_KEYFRAMES = 4
_LOG_SCALE_SIGMA = 2e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """Keyframes of a shard in a row that move as one.

    Attributes:
        shard: Which shard.
        segment: The part of its map.
        rows: Of its `keyframes`.
    """

    shard: int
    segment: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """A piece in the joined map.

    Attributes:
        piece: Which keyframes.
        map_from_shard: Where the map of the shard is, as these keyframes have it.
        segment: Pieces of one are connected.
    """

    piece: Piece
    map_from_shard: Sim3
    segment: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """All pieces, in order.

    Attributes:
        placed: Where they are.
        num_loops: Loops that were closed, those within a shard included.
        num_across: Of them between two shards.
    """

    placed: tuple[Placed, ...]
    num_loops: int
    num_across: int


def pieces_of(shards: Sequence[Shard], rows: Sequence[Mapping[int, int]]) -> tuple[Piece, ...]:
    """Return the keyframes that each shard answers for as pieces, in order.

    Args:
        shards: In the order in which they were taken.
        rows: Of `keyframe_rows`.
    """
    found = []
    for number, (shard, own) in enumerate(zip(shards, rows, strict=True)):
        for segment, group in groupby(own, key=lambda row: int(shard.segments[row])):
            run = tuple(group)
            found += [
                Piece(shard=number, segment=segment, rows=run[begin : begin + _KEYFRAMES])
                for begin in range(0, len(run), _KEYFRAMES)
            ]
    return tuple(found)


def chained(
    shards: Sequence[Shard],
    pieces: Sequence[Piece],
    joints: Sequence[Joint | None],
    settings: LoopSettings,
    *,
    is_metric: bool,
) -> Chain:
    """Place all pieces.

    Args:
        shards: In the order in which they were taken.
        pieces: Of `pieces_of`.
        joints: Of each shard but the first with the one before; None where there is none. Such a
            shard begins another segment, where the one before ends.
        settings: `loop.*`.
        is_metric: Whether all are metric, so that scales stay as they are.
    """
    chain = _Growing(shards, joints, settings, is_metric=is_metric, num_pieces=len(pieces))
    for piece in pieces:
        chain.add(piece)
    return chain.result()


class _Growing:
    def __init__(
        self,
        shards: Sequence[Shard],
        joints: Sequence[Joint | None],
        settings: LoopSettings,
        *,
        is_metric: bool,
        num_pieces: int,
    ) -> None:
        self._shards, self._joints = shards, joints
        self._is_metric, self._settings = is_metric, settings
        self._keys = [frame_keys(shard) for shard in shards]
        self._units = _units(shards, joints)
        self._depths = [shard.median_depth(_evenly(len(shard.keyframes))) for shard in shards]
        self._noise = PoseErrorModel()
        self._graph = SubmapGraph()
        most = max(settings.max_places, _KEYFRAMES * num_pieces)
        self._database = KeyframeDatabase(replace(settings, max_places=min(most, 100_000)))
        self._verifier = LoopVerifier(self._database)
        self._pieces: list[Piece] = []
        self._places: list[Sim3] = []
        self._num_loops = self._num_across = 0

    def result(self) -> Chain:
        placed = []
        for number, (piece, place) in enumerate(zip(self._pieces, self._places, strict=True)):
            is_there = number in self._graph
            placed.append(
                Placed(
                    piece=piece,
                    map_from_shard=place @ self._begin(piece).inverse(),
                    segment=self._graph[number].segment if is_there else 0,
                )
            )
        return Chain(placed=tuple(placed), num_loops=self._num_loops, num_across=self._num_across)

    def add(self, piece: Piece) -> None:
        place, covariance = self._first_place(piece)
        placed = self._graph.add(place, covariance)
        self._pieces.append(piece)
        self._places.append(place)
        if not self._settings.enable:
            return
        features = [self._features(piece, row, place.scale) for row in piece.rows]
        query = self._query(placed, piece, features)
        loop = self._verifier.look_up(query, self._graph)
        if loop is not None:
            self._close(loop)
        now = self._places[-1]
        alone = self._in_map(piece, now)
        self._database.restore(
            [
                StoredKeyframe(
                    submap_id=placed.id,
                    frame=frame,
                    jpeg=b'',
                    in_map=alone.select([frame.id]).without_points(),
                    descriptor=query.descriptors[k],
                    features=features[k].scaled(now.scale / place.scale),
                )
                for k, frame in enumerate(query.frames)
            ]
        )

    def _close(self, loop: Edge) -> None:
        try:
            correction = self._graph.close(loop, is_rigid=self._is_metric)
        except AlignmentError as error:
            _log.info('a loop is not used: %s', error)
            return
        if not correction:
            return
        self._database.correct(correction)
        for number, move in correction.items():
            self._places[number] = move @ self._places[number]
        self._num_loops += 1
        self._num_across += self._pieces[loop.i].shard != self._pieces[loop.j].shard

    def _first_place(self, piece: Piece) -> tuple[Sim3, Float[np.ndarray, '7 7'] | None]:
        """Return where a piece goes by the one before, and how sure that is."""
        begin, unit = self._begin(piece), self._units[piece.shard]
        if not self._pieces:
            return Sim3(unit, np.eye(3), np.zeros(3)) @ begin, None
        before, place = self._pieces[-1], self._places[-1]
        map_from_before = place @ self._begin(before).inverse()
        if before.shard == piece.shard:
            is_one = before.segment == piece.segment
            covariance = self._covariance(before, piece) if is_one else None
            return map_from_before @ begin, covariance
        joint = self._joints[piece.shard - 1]
        if joint is not None and joint.segments == (before.segment, piece.segment):
            between = self._covariance_within(piece.shard, 0.0) + joint.covariance
            return map_from_before @ joint.a_from_b @ begin, between
        # A guess: the next shard begins where this one ends, and both are z-up.
        last = map_from_before.apply(self._pose(before, before.rows[-1])[:3, 3])
        return Sim3(unit, begin.rotation, last), None

    def _covariance(self, before: Piece, piece: Piece) -> Float[np.ndarray, '7 7']:
        rows = (*before.rows, piece.rows[0])
        steps = [self._pose(piece, row)[:3, 3] for row in rows]
        way = float(np.linalg.norm(np.diff(steps, axis=0), axis=1).sum())
        return self._covariance_within(piece.shard, way)

    def _covariance_within(self, shard: int, way: float) -> Float[np.ndarray, '7 7']:
        depth = self._depths[shard]
        rotation_rad, shift = self._noise.over(way / depth)
        return isotropic(rotation_rad, shift * depth, _LOG_SCALE_SIGMA)

    def _pose(self, piece: Piece, row: int) -> Float[np.ndarray, '4 4']:
        shard = self._shards[piece.shard]
        return np.asarray(shard.poses.map_from_cam[shard.keyframes[row]])

    def _begin(self, piece: Piece) -> Sim3:
        pose = self._pose(piece, piece.rows[0])
        return Sim3(1.0, pose[:3, :3], pose[:3, 3])

    def _features(self, piece: Piece, row: int, scale: float) -> KeyframeFeatures:
        return self._shards[piece.shard].features(row).scaled(scale)

    def _query(
        self, placed: PlacedSubmap, piece: Piece, features: Sequence[KeyframeFeatures]
    ) -> LoopQuery:
        in_map = self._in_map(piece, placed.map_from_submap)
        keys = self._keys[piece.shard]
        shard = self._shards[piece.shard]
        frames = []
        for frame_id, row in zip(in_map.frame_ids, piece.rows, strict=True):
            stamp_ns, camera = keys[shard.keyframes[row]]
            bare = np.zeros((0, 0, 3), np.uint8)
            frames.append(
                Frame(id=frame_id, stamp_ns=stamp_ns, camera_frame='', image=bare, camera=camera)
            )
        descriptors: Float32[np.ndarray, 'n C'] = shard.descriptors[list(piece.rows)]
        if not descriptors.shape[1]:
            descriptors = np.zeros((len(piece.rows), 1), np.float32)
        return LoopQuery(
            submap=placed,
            frames=tuple(frames),
            in_map=in_map,
            descriptors=descriptors,
            features=tuple(features),
        )

    def _in_map(self, piece: Piece, place: Sim3) -> Submap:
        """Return the poses of a piece as the database keeps them, with one depth for all."""
        map_from_shard = place @ self._begin(piece).inverse()
        poses = np.stack([self._pose(piece, row) for row in piece.rows])
        first = sum(len(each.rows) for each in self._pieces[:-1])
        count = len(piece.rows)
        nothing = np.full((count, 1, 1), np.nan, np.float32)
        depth = place.scale * self._depths[piece.shard]
        return Submap(
            frame_ids=tuple(range(first, first + count)),
            depth=np.full((count, 1, 1), depth, np.float32),
            confidence=nothing,
            points_in_cam=np.full((count, 1, 1, 3), np.nan, np.float32),
            points_confidence=nothing,
            K=np.tile(np.eye(3), (count, 1, 1)),
            ref_from_cam=map_from_shard.apply_to_pose(poses),
            focal_ratio=float('nan'),
        )


def _units(shards: Sequence[Shard], joints: Sequence[Joint | None]) -> list[float]:
    """Return map units per unit of each shard where it begins a segment.

    The unit is that of the first shard of what is joined, or meters if one of it knows them.
    """
    chained_from = [0]
    scales = [1.0]
    for number, joint in enumerate(joints, start=1):
        is_joined = joint is not None
        chained_from.append(chained_from[-1] if is_joined else number)
        scales.append(scales[-1] * joint.a_from_b.scale if joint is not None else 1.0)
    units = []
    for begin in chained_from:
        members = [n for n, each in enumerate(chained_from) if each == begin]
        metric = [n for n in members if shards[n].scale.is_metric]
        units.append(1.0 / scales[metric[0]] if metric else 1.0)
    return [unit * scale for unit, scale in zip(units, scales, strict=True)]


def _evenly(num_rows: int) -> Int64[np.ndarray, ' n']:
    return np.unique(np.linspace(0, num_rows - 1, 8).astype(np.int64))
