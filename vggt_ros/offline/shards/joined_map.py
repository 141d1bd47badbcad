"""Joined map: shards as the result of one run, with all of its frames in one map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
import logging

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import ConfigError
from vggt_ros.mapping.frontend.counters import Counts
from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.layers.voxel_map import MapPoints, VoxelMap
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.offline.depth_again import DepthReport
from vggt_ros.offline.depth_sample import DepthSample
from vggt_ros.offline.frame_poses import between, FramePoses, share_of
from vggt_ros.offline.global_refinement import carried, GlobalReport, refine_globally
from vggt_ros.offline.result import Result, Truth, UNKNOWN_SCALE
from vggt_ros.offline.shards.joined_frames import joined_frames, JoinedFrame, keyframe_rows
from vggt_ros.offline.shards.joined_session import joined_session, KeyframePlace
from vggt_ros.offline.shards.keyframe_points import draw
from vggt_ros.offline.shards.shard_files import Shard
from vggt_ros.offline.shards.shared_frames import Joint, joint_of
from vggt_ros.offline.shards.submap_chain import Chain, chained, pieces_of
from vggt_ros.settings.config import VggtConfig

_log = logging.getLogger(__name__)
NOT_NEIGHBORS = 'the shard between them has no map'


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JoinedMap:
    """Shards in one map.

    Attributes:
        result: As of one run. `growth` is what lengths of the map of a shard are in it.
        joints: Of each shard but the first with the one before; a sentence where there is none.
        is_connected: Of the same pairs, whether joints or loops connect them.
        frames: Which shard answers for each frame.
        num_loops: Loops that were closed between pieces of the map.
        num_across: Of them between two shards.
    """

    result: Result
    joints: tuple[Joint | str, ...]
    is_connected: tuple[bool, ...]
    frames: tuple[JoinedFrame, ...]
    num_loops: int
    num_across: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Keyframe:
    """A keyframe in the joined map; `growth` is in map units per unit of its shard's map."""

    shard: int
    row: int
    map_from_cam: Float[np.ndarray, '4 4']
    growth: float
    K: Float[np.ndarray, '3 3']
    segment: int


def join_shards(
    shards: Sequence[Shard],
    numbers: Sequence[int],
    config: VggtConfig,
    *,
    refines: bool = True,
) -> JoinedMap:
    """Join shards to one map.

    Args:
        shards: That were mapped, in the order in which they were taken; at least one.
        numbers: Which shard of the recording each is; where one is missing its neighbors are
            parts of the map that nothing connects unless a loop does.
        config: The settings of the runs.
        refines: Whether all keyframes are adjusted at once in the end.
    """
    joints = [
        joint_of(shards[k], shards[k + 1]) if numbers[k + 1] == numbers[k] + 1 else NOT_NEIGHBORS
        for k in range(len(shards) - 1)
    ]
    frames = joined_frames(shards)
    rows = keyframe_rows(shards, frames)
    pieces = pieces_of(shards, rows)
    usable = [None if isinstance(joint, str) else joint for joint in joints]
    chain = chained(
        shards, pieces, usable, config.loop, is_metric=all(s.scale.is_metric for s in shards)
    )
    placed = _placed(shards, rows, chain)
    report, placed = _refined(shards, placed, refines=refines)
    segments = {each.segment for each in chain.placed}
    scale = _scale(shards, chain)
    result = Result(
        poses=_poses(shards, frames, rows, placed),
        keyframes=np.array(sorted(placed), dtype=np.int64),
        views=tuple(_view(shards, placed[i]) for i in sorted(placed)),
        segments=np.array([placed[i].segment for i in sorted(placed)], dtype=np.int64),
        growth=np.array([placed[i].growth for i in sorted(placed)], dtype=np.float64),
        points=_points(shards, placed, config),
        voxel_size=config.map.voxel_size,
        session=joined_session(shards, _places(shards, placed), joints, scale, config.map),
        depth=DepthReport(),
        counts=_counts(shards, num_frames=len(frames), num_keyframes=len(placed)),
        num_segments=len(segments),
        loops=(),
        scale=scale,
        windows=(),
        refinement=report,
        samples=_samples(shards, rows),
        truth=_truth(shards, frames),
        seconds={'total': 0.0},
    )
    return JoinedMap(
        result=result,
        joints=tuple(joints),
        is_connected=tuple(_is_connected(chain, k) for k in range(len(shards) - 1)),
        frames=frames,
        num_loops=chain.num_loops,
        num_across=chain.num_across,
    )


def _placed(
    shards: Sequence[Shard], rows: Sequence[Mapping[int, int]], chain: Chain
) -> dict[int, _Keyframe]:
    """Return the keyframes by their number in the recording."""
    found = {}
    for each in chain.placed:
        shard = shards[each.piece.shard]
        for row in each.piece.rows:
            pose = shard.poses.map_from_cam[shard.keyframes[row]]
            found[rows[each.piece.shard][row]] = _Keyframe(
                shard=each.piece.shard,
                row=row,
                map_from_cam=each.map_from_shard.apply_to_pose(pose),
                growth=each.map_from_shard.scale,
                K=shard.K[row],
                segment=each.segment,
            )
    return found


def _places(
    shards: Sequence[Shard], placed: Mapping[int, _Keyframe]
) -> list[dict[int, KeyframePlace]]:
    found: list[dict[int, KeyframePlace]] = [{} for _ in shards]
    for each in placed.values():
        frame_id = int(shards[each.shard].keyframes[each.row])
        found[each.shard][frame_id] = KeyframePlace(
            map_from_cam=each.map_from_cam, growth=each.growth, segment=each.segment
        )
    return found


def _refined(
    shards: Sequence[Shard], placed: dict[int, _Keyframe], *, refines: bool
) -> tuple[GlobalReport, dict[int, _Keyframe]]:
    why = '' if refines else 'not asked for'
    if any(shard.poses.num_cameras > 1 for shard in shards):
        why = 'several cameras are kept as the rig has them'
    if why:
        return GlobalReport(method='none', why=why, num_keyframes=len(placed)), placed
    ids = sorted(placed)
    poses = np.array([placed[i].map_from_cam for i in ids]).reshape(-1, 4, 4)
    features = [
        shards[placed[i].shard].features(placed[i].row).scaled(placed[i].growth) for i in ids
    ]
    is_calibrated = all(shard.is_calibrated for shard in shards)
    try:
        found = refine_globally(features, poses, is_calibrated=is_calibrated)
    except ConfigError as error:
        _log.warning('the map is not refined globally: %s', error)
        return GlobalReport(method='none', why=str(error), num_keyframes=len(placed)), placed
    moved = {
        i: replace(
            placed[i],
            map_from_cam=found.map_from_cam[k],
            growth=placed[i].growth * float(found.growth[k]),
            K=found.K[k],
        )
        for k, i in enumerate(ids)
    }
    return found.report, moved


def _poses(
    shards: Sequence[Shard],
    frames: Sequence[JoinedFrame],
    rows: Sequence[Mapping[int, int]],
    placed: Mapping[int, _Keyframe],
) -> FramePoses:
    poses = np.full((len(frames), 4, 4), np.nan)
    kinds = []
    # Of each shard its frames that are keyframes of the joined map, with their numbers in it.
    keys = [
        {int(shard.keyframes[row]): number for row, number in own.items()}
        for shard, own in zip(shards, rows, strict=True)
    ]
    ordered = [np.array(sorted(each), dtype=np.int64) for each in keys]
    for number, frame in enumerate(frames):
        shard = shards[frame.shard]
        kind = shard.poses.kind[frame.row]
        near = _near(ordered[frame.shard], shard.poses, frame.row) if kind != 'none' else []
        kinds.append(kind if near else 'none')
        if number in placed:
            poses[number] = placed[number].map_from_cam
        elif near:
            # Two parts of a map may have moved apart: the frame goes with the earlier one.
            of_part = {placed[keys[frame.shard][key]].segment for key in near}
            near = near[:1] if len(of_part) > 1 else near
            known, moved = shard.poses.map_from_cam, []
            for key in near:
                to = placed[keys[frame.shard][key]]
                moved.append(carried(known[frame.row], known[key], to.map_from_cam, to.growth))
            stamps = shard.poses.stamps_ns[[frame.row, near[0], near[-1]]].tolist()
            poses[number] = between(moved[0], moved[-1], share_of(*stamps))
    cameras = [shards[frame.shard].poses.camera_of(frame.row) for frame in frames]
    return FramePoses(
        stamps_ns=np.array([shards[f.shard].poses.stamps_ns[f.row] for f in frames], np.int64),
        map_from_cam=poses,
        kind=tuple(kinds),
        camera=tuple(cameras),
    )


def _near(keys: np.ndarray, poses: FramePoses, row: int) -> list[int]:
    """Return the keyframes of the same camera before and after a frame, as far as there are."""
    if poses.camera:
        cameras = np.array(poses.camera)
        keys = keys[cameras[keys] == cameras[row]]
    place = int(np.searchsorted(keys, row))
    return [int(key) for key in keys[max(0, place - 1) : place + 1]]


def _view(shards: Sequence[Shard], keyframe: _Keyframe) -> CameraView:
    shard = shards[keyframe.shard]
    frame = int(shard.keyframes[keyframe.row])
    width, height = shard.image_size[keyframe.row].tolist()
    return CameraView(
        stamp_ns=int(shard.poses.stamps_ns[frame]),
        map_from_cam=keyframe.map_from_cam,
        K=keyframe.K,
        width=width,
        height=height,
        camera=shard.poses.camera_of(frame),
    )


def _points(
    shards: Sequence[Shard], placed: Mapping[int, _Keyframe], config: VggtConfig
) -> MapPoints:
    voxels = VoxelMap(config.map.voxel_size, config.map.max_points)
    for _, each in sorted(placed.items()):
        shard = shards[each.shard]
        draw(
            voxels,
            shard.cloud(each.row),
            each.map_from_cam,
            each.growth * float(shard.growth[each.row]),
            float(shard.K_measured[each.row, 0, 0] / each.K[0, 0]),
        )
    return voxels.points()


def _counts(shards: Sequence[Shard], *, num_frames: int, num_keyframes: int) -> Counts:
    """Return sums; what happened to frames that two shards share counts twice but for the map."""
    drops: Counter[str] = Counter()
    refinements: Counter[str] = Counter()
    failed = windows = 0
    for shard in shards:
        drops.update(shard.record['frames']['dropped'])
        refinements.update(shard.record['map']['refinements'])
        failed += shard.record['map']['num_windows_failed']
        windows += shard.record['map']['num_windows']
    unknown = float('nan')
    return Counts(
        frames_in=num_frames,
        frames_used=num_keyframes,
        drops=drops,
        windows=windows - failed,
        windows_failed=failed,
        refinements=refinements,
        latency_p50_s=unknown,
        latency_p95_s=unknown,
    )


def _scale(shards: Sequence[Shard], chain: Chain) -> ScaleState:
    """Return what is known of meters: they are the unit if each part of the map knows them."""
    metric = {n: shard.scale for n, shard in enumerate(shards) if shard.scale.is_metric}
    of_segment: dict[int, set[int]] = {}
    for each in chain.placed:
        of_segment.setdefault(each.segment, set()).add(each.piece.shard)
    if not metric or any(members.isdisjoint(metric) for members in of_segment.values()):
        return UNKNOWN_SCALE
    first = next(iter(metric.values()))
    return replace(
        first,
        log_sigma=max(scale.log_sigma for scale in metric.values()),
        num_rejected=sum(scale.num_rejected for scale in metric.values()),
    )


def _samples(
    shards: Sequence[Shard], rows: Sequence[Mapping[int, int]]
) -> tuple[DepthSample, ...]:
    found = []
    for shard, own in zip(shards, rows, strict=True):
        numbers = {int(shard.keyframes[row]): (row, number) for row, number in own.items()}
        for sample in shard.samples:
            if sample.frame_id in numbers:
                row, number = numbers[sample.frame_id]
                depth = sample.depth * np.float32(shard.growth[row])
                found.append(replace(sample, frame_id=number, depth=depth))
    return tuple(found)


def _truth(shards: Sequence[Shard], frames: Sequence[JoinedFrame]) -> Truth | None:
    if all(shard.world_from_cam is None for shard in shards):
        return None
    unknown = np.full((4, 4), np.nan)
    poses = []
    for frame in frames:
        known = shards[frame.shard].world_from_cam
        poses.append(unknown if known is None else known[frame.row])
    return Truth(world_from_cam=np.array(poses), depths=())


def _is_connected(chain: Chain, before: int) -> bool:
    """Return whether the end of a shard and the beginning of the next one are of one part."""
    ends = [each.segment for each in chain.placed if each.piece.shard == before]
    begins = [each.segment for each in chain.placed if each.piece.shard == before + 1]
    return bool(ends and begins) and ends[-1] == begins[0]
