"""Everything a run leaves behind for people and programs to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.depth import depth_error
from vggt_ros.evaluation.overview import draw_overview
from vggt_ros.evaluation.recording import Recording
from vggt_ros.evaluation.trajectory import trajectory_error, TrajectoryError
from vggt_ros.evaluation.truth import Truth
from vggt_ros.mapping.export.ply import write_ply
from vggt_ros.mapping.layers.trajectory import tum_line


def write_report(
    recording: Recording, folder: Path, *, source_name: str, truth: Truth | None = None
) -> dict[str, Any]:
    """Write overview.png, map.ply and trajectory.txt; return the summary for summary.json.

    Args:
        recording: What the run published; at least one frame and one pose.
        folder: Where to write; exists.
        source_name: What the images came from, for the title.
        truth: True poses and depth of the recording, None if unknown.
    """
    write_ply(
        folder / 'map.ply', recording.map_points, recording.map_colors, recording.map_confidence
    )
    lines = [
        tum_line(int(stamp_ns), map_from_cam)
        for stamp_ns, map_from_cam in zip(recording.stamps_ns, recording.map_from_cam, strict=True)
    ]
    (folder / 'trajectory.txt').write_text('\n'.join(lines) + '\n')
    summary = _summary(recording, source_name)
    trajectory = None
    if truth is not None:
        trajectory = _trajectory_error(recording, truth)
        summary['truth'] = _truth_summary(recording, truth, trajectory)
    draw_overview(
        recording,
        folder / 'overview.png',
        title=_title(summary),
        truth=truth,
        trajectory=trajectory,
    )
    return summary


def report_text(summary: Mapping[str, Any]) -> str:
    """Return the numbers that matter as a few lines, each beside what it is held against.

    Args:
        summary: Of `write_report`.
    """
    lines = [
        f'{summary["frames_in"]} images in, {summary["frames_used"]} used in '
        f'{summary["windows"]} windows of {summary["window_latency_s"]["p50"]:.2f} s (median), '
        f'{summary["map_points"]} points in the map; '
        f'{100 * summary["share_with_pose"]:.0f} % of the images have a pose'
    ]
    truth = summary.get('truth', {})
    if 'ate_m' in truth:
        lines.append(
            f'trajectory against the truth: {truth["ate_m"]:.3f} m, {truth["ate_percent"]:.1f} % '
            f'of {truth["path_length_m"]:.1f} m; all cameras in one place: '
            f'{truth["one_place_m"]:.3f} m, that is {truth["percent_of_one_place"]:.0f} %'
        )
    if truth:
        lines.append(f'depth {100 * truth["depth_abs_rel"]:.0f} % off on average')
    if summary['note']:
        lines.append(f'NOTE: {summary["note"]}')
    return '\n'.join(lines)


def _trajectory_error(recording: Recording, truth: Truth) -> TrajectoryError | None:
    try:
        return trajectory_error(recording.map_from_cam, truth.world_from_cam)
    except AlignmentError:
        return None  # too few poses, or the camera moved on a line: nothing to compare


def _truth_summary(
    recording: Recording, truth: Truth, trajectory: TrajectoryError | None
) -> dict[str, Any]:
    depth = depth_error([frame.depth for frame in recording.frames], truth.depth)
    summary: dict[str, Any] = {
        'depth_abs_rel': depth.abs_rel,
        'depth_delta_125': depth.delta_125,
        'num_poses': len(recording.stamps_ns),
    }
    if trajectory is not None:
        summary |= {
            'ate_m': trajectory.ate_m,
            'ate_percent': trajectory.ate_percent,
            'one_place_m': trajectory.one_place_m,
            'percent_of_one_place': trajectory.percent_of_one_place,
            'rotation_deg': trajectory.rotation_deg,
            'path_length_m': trajectory.path_length_m,
        }
    return summary


def _summary(recording: Recording, source_name: str) -> dict[str, Any]:
    said = recording.diagnostics
    duration_s = _duration_s(recording)
    return {
        'source': source_name,
        'checkpoint': said.get('model.checkpoint', ''),
        'device': said.get('model.device', ''),
        'note': said.get('model.note', ''),
        'frames_in': _number(said, 'frames_in'),
        'frames_used': _number(said, 'frames_used'),
        'share_with_pose': recording.share_with_pose,
        'drops': {
            key.removeprefix('dropped.'): int(value)
            for key, value in said.items()
            if key.startswith('dropped.')
        },
        'windows': _number(said, 'windows'),
        'windows_failed': _number(said, 'windows_failed'),
        'window_latency_s': {
            'p50': float(said.get('latency_p50_s', 'nan')),
            'p95': float(said.get('latency_p95_s', 'nan')),
        },
        'rates_hz': {
            'frames_in': _number(said, 'frames_in') / duration_s if duration_s > 0 else 0.0,
            'frames_used': _number(said, 'frames_used') / duration_s if duration_s > 0 else 0.0,
            'windows': _number(said, 'windows') / duration_s if duration_s > 0 else 0.0,
        },
        'map_points': len(recording.map_points),
        'messages': dict(recording.message_counts),
    }


def _number(said: Mapping[str, str], key: str) -> int:
    return int(said.get(key, '0'))


def _duration_s(recording: Recording) -> float:
    stamps_ns = recording.stamps_ns
    return float(stamps_ns[-1] - stamps_ns[0]) / 1e9 if len(stamps_ns) > 1 else 0.0


def _title(summary: Mapping[str, Any]) -> str:
    title = (
        f'{summary["source"]}, {summary["checkpoint"]} on {summary["device"]}: '
        f'{summary["frames_used"]} of {summary["frames_in"]} frames, {summary["windows"]} windows'
    )
    return f'{title}\n{summary["note"]}' if summary['note'] else title
