"""Run record: all that is known about a run, ready for `run.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
import math
import platform
import resource
from typing import Any

import numpy as np
import torch

from vggt_ros import __version__
from vggt_ros.inference.predictor_description import PredictorDescription
from vggt_ros.offline.floor_coverage import floor_coverage
from vggt_ros.offline.input_identity import input_identity
from vggt_ros.offline.result import Result
from vggt_ros.offline.truth_errors import truth_errors
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import values_of
from vggt_ros.sources.sequence import FrameSequence

GAUGE = 'z-up map, origin at the first camera'
ENU_GAUGE = 'x east, y north, z up; map.positions.origin says where'
# A frame that was no keyframe is one like others, and nothing to warn about.
_USUAL = {'not_keyframe'}
_MIN_COVERAGE = 0.9


def run_record(
    result: Result,
    sequence: FrameSequence,
    config: VggtConfig,
    *,
    command: Sequence[str],
    network: PredictorDescription,
    sha256: str,
) -> dict[str, Any]:
    """Return everything about a run; numbers that are not known are None.

    Args:
        result: What came out.
        sequence: What went in, at its end.
        config: The settings.
        command: Words of the command line.
        network: What was asked.
        sha256: Of the weights file, empty if there is none.
    """
    stamps_ns = result.poses.stamps_ns
    floor = floor_coverage(result.session, config.occupancy)
    record = {
        'command': list(command),
        'versions': versions(),
        'network': asdict(network) | {'sha256': sha256},
        'input': {
            'path': str(sequence.path),
            'name': sequence.name,
            'format': sequence.layout,
            'cameras': list(sequence.cameras),
            'selection': asdict(sequence.choice),
            **({} if sequence.path is None else input_identity(sequence.path)),
            'notes': list(sequence.recording.notes),
            'num_frames': len(result.poses),
            'first_stamp_ns': int(stamps_ns[0]) if len(stamps_ns) else None,
            'last_stamp_ns': int(stamps_ns[-1]) if len(stamps_ns) else None,
        },
        'frames': {
            'read': len(result.poses),
            'in_map': len(result.keyframes),
            'unusable': dict(sequence.drops),
            'dropped': dict(result.counts.drops),
            'poses': result.poses.counts(),
            'coverage': result.poses.coverage,
        },
        'map': {
            'num_points': len(result.points.points_in_map),
            'num_windows': len(result.windows),
            'num_windows_failed': sum(bool(window.failure) for window in result.windows),
            'num_segments': result.num_segments,
            'num_loops': len(result.loops),
            'refinements': dict(result.counts.refinements),
            'global_refinement': asdict(result.refinement),
            'depth_again': asdict(result.depth),
            'floor': None if floor is None else asdict(floor),
            'positions': asdict(result.positions),
            'frame': ENU_GAUGE if result.positions.gauge == 'enu' else GAUGE,
        },
        'scale': asdict(result.scale),
        'seconds': dict(result.seconds),
        'frames_per_s': result.frames_per_s,
        'peak_memory_mb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        'errors': truth_errors(result),
        'warnings': warnings_of(result, network, sequence.drops),
        'settings': values_of(config),
        'windows': [
            {
                'frames': window.frame_ids,
                'is_connected': window.is_connected,
                'failure': window.failure,
                'process_s': window.process_s,
                'refinement': None if window.refinement is None else asdict(window.refinement),
            }
            for window in result.windows
        ],
    }
    return dict(known(record))


def versions() -> dict[str, str]:
    """Return the versions of what computed."""
    return {
        'vggt_ros': __version__,
        'python': platform.python_version(),
        'torch': str(torch.__version__),
        'numpy': np.__version__,
        'platform': platform.platform(),
    }


def why_no_map(record: Mapping[str, Any]) -> str:
    """Return what became of the frames of a run that gave no map, and what to do."""
    frames = record['frames']
    dropped = ', '.join(f'{n} as {name}' for name, n in frames['dropped'].items())
    return (
        f'{frames["read"]} frames gave no map (dropped: {dropped or "none"}); the camera has to '
        f'move between them'
    )


def warnings_of(
    result: Result, network: PredictorDescription, unusable: Mapping[str, int]
) -> list[str]:
    """Return sentences on what a user should know before she relies on a result.

    Args:
        result: What came out.
        network: What was asked.
        unusable: Frames that the source left out, by reason.
    """
    told = [network.notice] if network.notice else []
    if not result.is_usable:
        told.append('there is no map: no window entered it')
    elif result.poses.coverage < _MIN_COVERAGE:
        missing = result.poses.counts()['none']
        told.append(f'{missing} of {len(result.poses)} frames have no pose')
    if result.num_segments > 1:
        told.append(
            f'the map has {result.num_segments} segments; where they are to each other is a '
            f'guess unless a loop connected them'
        )
    if not result.scale.is_metric:
        told.append('lengths are in map units: nothing gave metric scale')
    if result.positions.num_positions and result.positions.why:
        told.append(f'positions of satellites: {result.positions.why}')
    failed = sum(bool(window.failure) for window in result.windows)
    if failed:
        told.append(f'{failed} of {len(result.windows)} windows did not enter the map')
    for reason, count in sorted(unusable.items()):
        told.append(f'{count} frames of the input cannot be used: {reason}')
    for reason, count in sorted(result.counts.drops.items()):
        if reason not in _USUAL and count:
            told.append(f'{count} frames were dropped as {reason}')
    return told


def known(value: Any) -> Any:
    """Return a value with None for what is not known: JSON has no NaN."""
    if isinstance(value, Mapping):
        return {name: known(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [known(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
