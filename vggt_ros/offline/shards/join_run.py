"""Join run: the folders of shards become one folder, as that of a single run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
import json
from pathlib import Path
import time
from typing import Any

from vggt_ros.errors import ConfigError
from vggt_ros.inference.predictor_description import PredictorDescription
from vggt_ros.offline.depth_files import DepthFiles
from vggt_ros.offline.folder_run import DEPTH, FolderRun, RunOptions
from vggt_ros.offline.keyframe_files import read_keyframes
from vggt_ros.offline.outputs import write_outputs
from vggt_ros.offline.run_folder import RunFolder, save_error
from vggt_ros.offline.run_record import known, run_record
from vggt_ros.offline.shards.cutting import FrameRange
from vggt_ros.offline.shards.joined_map import join_shards, JoinedMap
from vggt_ros.offline.shards.shard_files import read_shard, Shard
from vggt_ros.offline.shards.shared_frames import Joint
from vggt_ros.settings.config import VggtConfig
from vggt_ros.sources.sequence import FrameSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRun:
    """One shard of a recording, mapped or not.

    Attributes:
        frames: Which frames it has.
        folder: Of its run.
        failure: Why it has no map; empty if its folder is there.
    """

    frames: FrameRange
    folder: Path
    failure: str = ''


def join_into_folder(
    sequence: FrameSequence,
    runs: Sequence[ShardRun],
    config: VggtConfig,
    target: Path,
    options: RunOptions,
) -> FolderRun:
    """Join the shards that were mapped, and write everything about the whole recording.

    Args:
        sequence: The whole recording.
        runs: All shards, in order; one of them at least was mapped.
        config: The settings of the runs.
        target: The folder.
        options: What is wanted of the whole.

    Raises:
        ConfigError: Not one shard was mapped.
        VggtRosError: The folder cannot be written.
    """
    begun_s = time.monotonic()
    there = [number for number, run in enumerate(runs) if not run.failure]
    if not there:
        raise ConfigError(
            f'none of the {len(runs)} shards of {sequence.name} has a map: {runs[0].failure}'
        )
    folder = RunFolder(target, resume=options.resume, overwrite=options.overwrite)
    try:
        folder.clear(keep='')
        shards = [read_shard(runs[number].folder) for number in there]
        joined = join_shards(shards, there, config, refines=options.refine_globally)
        record = _record(joined, shards, sequence, config, options)
        missing = _missing(joined, runs, there)
        record['warnings'] += missing
        record['shards'] = _told(joined, runs, there, missing)
        record['seconds'] |= {'join': time.monotonic() - begun_s}
        depth = None
        if options.writes_depth:
            depth = _depth_files(joined, shards, folder.path / DEPTH)
        missing += write_outputs(
            joined.result, record, folder.path, depth=depth, exports=options.exports
        )
        return FolderRun(
            folder=folder.publish(), record=record, missing=tuple(missing), num_asked=0
        )
    except OSError as error:
        raise save_error(folder.path, error) from error
    finally:
        folder.close()


def joined_shards(folder: Path) -> tuple[int, ...] | None:
    """Return the numbers of the shards that a folder was made of; None if it is not there."""
    told = _shards_told(folder)
    return None if told is None else tuple(told['joined'])


def is_whole(folder: Path) -> bool:
    """Return whether a folder is there and was made of all shards of its recording."""
    told = _shards_told(folder)
    return told is not None and len(told['joined']) == told['num']


def _shards_told(folder: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((folder / 'run.json').read_text(encoding='utf-8'))
        return dict(record['shards'])
    except (OSError, ValueError, KeyError):
        return None


def _record(
    joined: JoinedMap,
    shards: Sequence[Shard],
    sequence: FrameSequence,
    config: VggtConfig,
    options: RunOptions,
) -> dict[str, Any]:
    told = [shard.record for shard in shards]
    network = dict(told[0]['network'])
    sha256 = network.pop('sha256')
    names = {field.name for field in fields(PredictorDescription)}
    described = PredictorDescription(**{k: v for k, v in network.items() if k in names})
    record = run_record(
        joined.result, sequence, config, command=options.command, network=described, sha256=sha256
    )
    record['frames']['unusable'] = _sums(each['frames']['unusable'] for each in told)
    record['map']['num_windows'] = sum(each['map']['num_windows'] for each in told)
    record['map']['num_windows_failed'] = sum(each['map']['num_windows_failed'] for each in told)
    record['map']['num_loops'] = joined.num_loops
    record['seconds'] = _sums(each['seconds'] for each in told)
    total_s = record['seconds']['total']
    record['frames_per_s'] = len(joined.result.poses) / total_s if total_s > 0 else 0.0
    if record['errors'] is not None:
        record['errors']['depth'] = _depth_errors([each['errors'] for each in told])
    record['windows'] = [
        window | {'shard': number}
        for number, each in enumerate(told)
        for window in each['windows']
    ]
    return record


def _sums(counted: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in counted:
        for name, count in each.items():
            found[name] = found.get(name, 0) + count
    return found


def _depth_errors(errors: Sequence[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Return means over the keyframes of all shards; those that two share count twice."""
    depths = [each['depth'] for each in errors if each is not None and each['depth'] is not None]
    count = sum(each['num_keyframes'] for each in depths)
    if not count:
        return None
    names = [name for name in depths[0] if name != 'num_keyframes']
    means = {
        name: sum(each['num_keyframes'] * each[name] for each in depths) / count for name in names
    }
    return {'num_keyframes': count} | means


def _missing(joined: JoinedMap, runs: Sequence[ShardRun], there: Sequence[int]) -> list[str]:
    """Return sentences on what is not in the map, or not connected."""
    lines = [
        f'shard {number + 1} of {len(runs)} (frames {run.frames.first} to {run.frames.end - 1}) '
        f'has no map: {run.failure}'
        for number, run in enumerate(runs)
        if run.failure
    ]
    for k, (joint, is_connected) in enumerate(
        zip(joined.joints, joined.is_connected, strict=True)
    ):
        if isinstance(joint, str) and not is_connected:
            lines.append(
                f'shards {there[k] + 1} and {there[k + 1] + 1} are two segments of the map, and '
                f'where they are to each other is a guess: {joint}'
            )
    return lines


def _told(
    joined: JoinedMap, runs: Sequence[ShardRun], there: Sequence[int], missing: Sequence[str]
) -> dict[str, Any]:
    joints = []
    for k, joint in enumerate(joined.joints):
        told = _joint_told(joint)
        told |= {'shards': [there[k], there[k + 1]], 'is_connected': joined.is_connected[k]}
        joints.append(told)
    return dict(
        known(
            {
                'num': len(runs),
                'joined': list(there),
                'frames': [asdict(run.frames) for run in runs],
                'folders': [run.folder.name for run in runs],
                'joints': joints,
                'num_loops_across': joined.num_across,
                'missing': list(missing),
            }
        )
    )


def _joint_told(joint: Joint | str) -> dict[str, Any]:
    if isinstance(joint, str):
        return {'why_not': joint}
    return {
        'num_frames': joint.num_frames,
        'num_keyframes': joint.num_keyframes,
        'scale': joint.a_from_b.scale,
        'scale_from': joint.scale_from,
        'log_scale_sigma': joint.log_scale_sigma,
        'rotation_deg': joint.rotation_deg,
        'position_of_depth': joint.position,
    }


def _depth_files(joined: JoinedMap, shards: Sequence[Shard], folder: Path) -> DepthFiles:
    """Return the files of keyframes, out of the folders of the shards that answer for them."""
    files = DepthFiles(folder)
    wanted = {
        (joined.frames[number].shard, joined.frames[number].row): number
        for number in joined.result.keyframes.tolist()
    }
    for k, shard in enumerate(shards):
        for each in read_keyframes(shard.folder / DEPTH, shard.poses, shard.keyframes):
            number = wanted.get((k, each.frame_id))
            if number is not None:
                files.adopt(number, each)
    return files
