"""Benchmark table: the numbers of many runs as Markdown, CSV and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import csv
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any

import numpy as np

from vggt_ros.offline.published_number import PublishedNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRow:
    """The numbers of one run; None for what is not known.

    Attributes:
        name: Of the recording.
        variant: Of the settings.
        seed: Which run of several of the same; None if there is one.
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
    seed: int | None = None
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
    'seed': 'seed',
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
    name: str,
    variant: str,
    record: Mapping[str, Any],
    failures: Sequence[str] = (),
    *,
    seed: int | None = None,
) -> BenchmarkRow:
    """Return the numbers of a run.

    Args:
        name: Of the recording.
        variant: Of the settings.
        record: Of `run_record`.
        failures: Sentences on what is missing.
        seed: Which run of several of the same.
    """
    errors = record['errors'] or {}
    found, depth = errors.get('frames') or {}, errors.get('depth') or {}
    drift = found.get('rpe') or {}
    return BenchmarkRow(
        name=name,
        variant=variant,
        seed=seed,
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


def markdown_of(
    rows: Sequence[BenchmarkRow], published: Mapping[str, Sequence[PublishedNumber]] | None = None
) -> str:
    """Return a table of Markdown; columns in which nothing is known are left out.

    Runs that differ in their seed are one line, mean and standard deviation over those that have
    a map. What others report for a sequence stands below its runs, with its source.

    Args:
        rows: Of all runs.
        published: By sequence, those whose protocol is that of the runs.
    """
    groups: dict[tuple[str, str], list[BenchmarkRow]] = {}
    for row in rows:
        groups.setdefault((row.name, row.variant), []).append(row)
    records = [_together(group) for group in groups.values()]
    sources: list[str] = []
    for name, numbers in (published or {}).items():
        place = max((k for k, each in enumerate(records) if each['name'] == name), default=-1)
        for number in numbers if place >= 0 else ():
            sources.append(number.source)
            words = f'{number.name}, published [{len(sources)}]'
            told = {'name': name, 'variant': words, number.metric: number.value}
            records.insert(place + 1, told)
            place += 1
    shown = [
        name
        for name in _COLUMNS
        if name != 'seed' and any(each.get(name) not in (None, '') for each in records)
    ]
    lines = [[_COLUMNS[name] for name in shown], ['---'] * len(shown)]
    lines += [[_cell(name, each.get(name)) for name in shown] for each in records]
    notes = ''.join(f'\n[{k}] {source}\n' for k, source in enumerate(sources, start=1))
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines) + notes


def _together(rows: Sequence[BenchmarkRow]) -> dict[str, Any]:
    """Return the cells of runs of the same: numbers, or words with mean and spread."""
    if len(rows) == 1:
        return asdict(rows[0])
    told: dict[str, Any] = {'name': rows[0].name, 'variant': rows[0].variant}
    records = [asdict(row) for row in rows]
    for name in list(_COLUMNS)[3:-1]:
        values = [each[name] for each in records if each[name] is not None]
        if len(values) == 1:
            told[name] = values[0]
        elif values:
            spread = _cell(name, float(np.std(values, ddof=1)))
            told[name] = f'{_cell(name, float(np.mean(values)))} ± {spread} ({len(values)} runs)'
    failed = [row.failure for row in rows if row.failure]
    if failed:
        told['failure'] = f'{len(failed)} of {len(rows)} runs: {failed[0]}'
    return told


def write_table(
    folder: Path,
    rows: Sequence[BenchmarkRow],
    about: Mapping[str, Any],
    published: Mapping[str, Sequence[PublishedNumber]] | None = None,
) -> None:
    """Write table.md, table.csv and table.json.

    Args:
        folder: Is there.
        rows: Of all runs so far.
        about: What is true of all of them, for the JSON.
        published: As of `markdown_of`.

    Raises:
        OSError: A file cannot be written.
    """
    (folder / 'table.md').write_text(markdown_of(rows, published), encoding='utf-8')
    with (folder / 'table.csv').open('w', encoding='utf-8', newline='') as file:
        writer = csv.DictWriter(file, list(_COLUMNS))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    beside = {name: [asdict(each) for each in of] for name, of in (published or {}).items()}
    told = {**about, 'rows': [asdict(row) for row in rows], 'published': beside}
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
