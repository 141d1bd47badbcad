"""Benchmark table: the numbers of many runs as Markdown, CSV and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import csv
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRow:
    """The numbers of one run; None for what is not known.

    Attributes:
        name: Of the recording.
        variant: Of the settings.
        failure: Why there is no map, or which parts are missing; empty if all is there.
        num_frames: That were read.
        num_keyframes: That are in the map.
        coverage: Share of the frames that have a pose.
        path_length_m: True length of the way.
        ate_sim3_m: Root mean square of the positions' errors after Sim(3).
        ate_se3_m: The same after SE(3); only of a metric map.
        ate_sim3_percent: In percent of the path.
        one_place_m: What saying that all cameras are in one place is off.
        rpe_translation_percent: Drift over pieces of the path.
        rpe_rotation_deg: Drift over pieces of the path.
        depth_abs_rel: Mean relative error of depth, one scale a frame.
        depth_constant_abs_rel: The same of a constant depth.
        depth_delta_125: Share of the pixels within a factor of 1.25.
        frames_per_s: Of wall time.
    """

    name: str
    variant: str
    failure: str = ''
    num_frames: int | None = None
    num_keyframes: int | None = None
    coverage: float | None = None
    path_length_m: float | None = None
    ate_sim3_m: float | None = None
    ate_se3_m: float | None = None
    ate_sim3_percent: float | None = None
    one_place_m: float | None = None
    rpe_translation_percent: float | None = None
    rpe_rotation_deg: float | None = None
    depth_abs_rel: float | None = None
    depth_constant_abs_rel: float | None = None
    depth_delta_125: float | None = None
    frames_per_s: float | None = None


_COLUMNS = {
    'name': 'sequence',
    'variant': 'variant',
    'num_frames': 'frames',
    'num_keyframes': 'keyframes',
    'coverage': 'coverage',
    'path_length_m': 'path, m',
    'ate_sim3_m': 'ATE Sim(3), m',
    'ate_se3_m': 'ATE SE(3), m',
    'ate_sim3_percent': 'ATE, % of path',
    'one_place_m': 'one place, m',
    'rpe_translation_percent': 'RPE, %',
    'rpe_rotation_deg': 'RPE, deg',
    'depth_abs_rel': 'depth AbsRel',
    'depth_constant_abs_rel': 'constant AbsRel',
    'depth_delta_125': 'delta < 1.25',
    'frames_per_s': 'frames/s',
    'failure': 'failure',
}


def row_of(
    name: str, variant: str, record: Mapping[str, Any], failures: Sequence[str] = ()
) -> BenchmarkRow:
    """Return the numbers of a run.

    Args:
        name: Of the recording.
        variant: Of the settings.
        record: Of `run_record`.
        failures: Sentences on what is missing.
    """
    errors = record['errors'] or {}
    found, depth = errors.get('frames') or {}, errors.get('depth') or {}
    drift = found.get('rpe') or {}
    return BenchmarkRow(
        name=name,
        variant=variant,
        failure='; '.join(failures),
        num_frames=record['frames']['read'],
        num_keyframes=record['frames']['in_map'],
        coverage=record['frames']['coverage'],
        path_length_m=found.get('path_length_m'),
        ate_sim3_m=found.get('ate_sim3_m'),
        # Without a scale of its own an estimate cannot be held to one.
        ate_se3_m=found.get('ate_se3_m') if record['scale']['is_metric'] else None,
        ate_sim3_percent=found.get('ate_sim3_percent_of_path'),
        one_place_m=found.get('one_place_m'),
        rpe_translation_percent=drift.get('translation_percent'),
        rpe_rotation_deg=drift.get('rotation_deg'),
        depth_abs_rel=depth.get('abs_rel'),
        depth_constant_abs_rel=depth.get('constant_abs_rel'),
        depth_delta_125=depth.get('delta_125'),
        frames_per_s=record['frames_per_s'],
    )


def markdown_of(rows: Sequence[BenchmarkRow]) -> str:
    """Return a table of Markdown; columns in which nothing is known are left out."""
    records = [asdict(row) for row in rows]
    shown = [name for name in _COLUMNS if any(each[name] not in (None, '') for each in records)]
    lines = [[_COLUMNS[name] for name in shown], ['---'] * len(shown)]
    lines += [[_cell(name, each[name]) for name in shown] for each in records]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def write_table(folder: Path, rows: Sequence[BenchmarkRow], about: Mapping[str, Any]) -> None:
    """Write table.md, table.csv and table.json.

    Args:
        folder: Is there.
        rows: Of all runs so far.
        about: What is true of all of them, for the JSON.

    Raises:
        OSError: A file cannot be written.
    """
    (folder / 'table.md').write_text(markdown_of(rows), encoding='utf-8')
    with (folder / 'table.csv').open('w', encoding='utf-8', newline='') as file:
        writer = csv.DictWriter(file, list(_COLUMNS))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    told = {**about, 'rows': [asdict(row) for row in rows]}
    text = json.dumps(told, indent=2, allow_nan=False)
    (folder / 'table.json').write_text(text + '\n', encoding='utf-8')


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ''
    if name == 'coverage':
        return f'{100 * value:.0f} %'
    if isinstance(value, float):
        return f'{value:.3g}'
    return str(value).replace('|', '\\|').replace('\n', ' ')
