"""Report page: one self-contained HTML file with the numbers and pictures of a run."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
import html
from pathlib import Path
from string import Template
from typing import Any

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em;
       color: #222; background: #fff }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
table { border-collapse: collapse } td, th { padding: .2em 1em .2em 0; text-align: left;
       vertical-align: top; border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums }
th { font-weight: 600; color: #555 }
img { max-width: 100%; height: auto; border: 1px solid #ddd; margin: .5em 0 }
li.warning { color: #a33 }
code { background: #f3f3f3; padding: .1em .3em; overflow-wrap: anywhere }
details { margin: 1em 0 }
</style>
</head>
<body>
<h1>$title</h1>
<p>$summary</p>
$warnings
<h2>Numbers</h2>
$numbers
$pictures
<h2>How it was made</h2>
<p><code>$command</code></p>
$made
<details><summary>Settings</summary>$settings</details>
</body>
</html>
""")
_CAPTIONS = {
    'overview.png': 'Overview',
    'trajectory.png': 'Trajectory',
    'depth.png': 'Depth',
    'map_above.png': 'Map from above',
    'map_side.png': 'Map from the side',
}


def write_report(path: Path, record: Mapping[str, Any], pictures: Sequence[Path]) -> None:
    """Write the page; it loads nothing from elsewhere.

    Args:
        path: The file; replaced if it exists.
        record: Of `run_record`.
        pictures: PNG files that are put into it.
    """
    source = record['input']
    name = Path(source['path']).name
    page = _PAGE.substitute(
        title=html.escape(f'{name}: map and trajectory'),
        summary=html.escape(summary_of(record)),
        warnings=_warnings(record['warnings']),
        numbers=_table(_numbers(record)),
        pictures='\n'.join(_picture(each) for each in pictures),
        command=html.escape(' '.join(record['command'])),
        made=_table(_made(record)),
        settings=_table([(key, str(value)) for key, value in record['settings'].items()]),
    )
    path.write_text(page, encoding='utf-8')


def summary_of(record: Mapping[str, Any]) -> str:
    """Return the run in one or two sentences, with the error beside what it is held against."""
    frames = record['frames']
    said = (
        f'{frames["read"]} frames, {100 * frames["coverage"]:.0f} % of them with a pose '
        f'({frames["poses"]["keyframe"]} keyframes, {frames["poses"]["refined"]} refined, '
        f'{frames["poses"]["interpolated"]} interpolated); {record["map"]["num_points"]} points, '
        f'{record["map"]["num_loops"]} loops; {record["frames_per_s"]:.2f} frames a second.'
    )
    errors = record['errors']
    found = None if errors is None else errors['frames']
    if found is not None:
        said += (
            f' Trajectory after Sim(3): {found["ate_sim3_m"]:.4g} m off, '
            f'{found["ate_sim3_percent_of_path"]:.2f} % of the path of '
            f'{found["path_length_m"]:.3g} m; all cameras in one place: '
            f'{found["one_place_m"]:.4g} m.'
        )
    return said


def _numbers(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    scale, frames, of_map = record['scale'], record['frames'], record['map']
    rows = [
        ('frames of the input that cannot be used', _counts(frames['unusable']) or 'none'),
        ('frames dropped', _counts(frames['dropped']) or 'none'),
        ('windows', f'{of_map["num_windows"]}, {of_map["num_windows_failed"]} failed'),
        ('windows by refinement', _counts(of_map['refinements']) or 'not refined'),
        ('global refinement', _globally(of_map['global_refinement'])),
        ('positions of satellites', _positions(of_map['positions'])),
        ('segments', str(of_map['num_segments'])),
        ('scale', _scale(scale)),
        ('time', ', '.join(f'{k} {v:.1f} s' for k, v in record['seconds'].items())),
        ('peak memory', f'{record["peak_memory_mb"]:.0f} MB'),
    ]
    if 'shards' in record:
        rows.insert(0, ('shards', _shards(record['shards'])))
    for which in ('frames', 'keyframes'):
        found = None if record['errors'] is None else record['errors'][which]
        if found is not None:
            rows += _error_rows(which, found, is_metric=scale['is_metric'])
    depth = None if record['errors'] is None else record['errors']['depth']
    if depth is not None:
        rows.append(
            (
                'depth, one scale a frame',
                f'AbsRel {depth["abs_rel"]:.3f} (constant {depth["constant_abs_rel"]:.3f}), '
                f'delta < 1.25 {depth["delta_125"]:.3f}',
            )
        )
    return rows


def _globally(report: Mapping[str, Any]) -> str:
    if report['method'] == 'none':
        return f'kept as it was: {report["why"]}'
    return (
        f'by {report["method"]}: {report["num_placed"]} of {report["num_keyframes"]} keyframes, '
        f'{report["support_after"]} of {report["num_matches"]} matches explained '
        f'({report["support_before"]} before), {report["error_px"]:.2f} px'
    )


def _positions(report: Mapping[str, Any]) -> str:
    if not report['num_positions']:
        return 'none'
    if report['method'] == 'none':
        return f'not used: {report["why"]}'
    why = f'; {report["why"]}' if report['why'] else ''
    return (
        f'{report["method"]} to {report["num_positions"]} keyframes, {report["num_outliers"]} of '
        f'them outliers, median distance {report["residual_before_m"]:.3g} m to '
        f'{report["residual_after_m"]:.3g} m{why}'
    )


def _shards(told: Mapping[str, Any]) -> str:
    joints = [each for each in told['joints'] if each['is_connected']]
    return (
        f'{len(told["joined"])} of {told["num"]}; {len(joints)} of {len(told["joints"])} '
        f'connected to the one before, {told["num_loops_across"]} loops between two of them'
    )


def _error_rows(which: str, found: Mapping[str, Any], *, is_metric: bool) -> list[tuple[str, str]]:
    # Without a scale of its own an estimate cannot be held to one.
    alignments = (('sim3', 'Sim(3)'), *((('se3', 'SE(3)'),) if is_metric else ()))
    rows = [
        (
            f'ATE of {which}, {name}',
            f'{found[f"ate_{key}_m"]:.4g} m, {found[f"ate_{key}_percent_of_path"]:.2f} % of the '
            f'path, {found[f"ate_{key}_percent_of_one_place"]:.1f} % of one place',
        )
        for key, name in alignments
    ]
    drift = found['rpe']
    if drift is not None:
        rows.append(
            (
                f'RPE of {which} over {drift["piece_m"]:.2g} m',
                f'{drift["translation_percent"]:.2f} %, {drift["rotation_deg"]:.2f} deg',
            )
        )
    return rows


def _made(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    network, source = record['network'], record['input']
    return [
        ('input', f'{source["path"]} ({source["format"]})'),
        ('input identity', f'{source["num_files"]} files, {source["num_bytes"]} bytes, '
         f'{source["sha256"]}'),
        ('stamps', f'{source["first_stamp_ns"]} .. {source["last_stamp_ns"]} ns'),
        ('network', f'{network["checkpoint"]} on {network["device"]} in {network["precision"]}'),
        ('weights, SHA-256', network['sha256'] or 'not a file'),
        ('versions', ', '.join(f'{k} {v}' for k, v in record['versions'].items())),
        ('frame', record['map']['frame']),
    ]  # fmt: skip


def _scale(scale: Mapping[str, Any]) -> str:
    if scale['meters_per_unit'] is None:
        return 'not known: lengths are in map units'
    sigma = 'unknown' if scale['log_sigma'] is None else f'{100 * scale["log_sigma"]:.1f} %'
    metric = 'metric' if scale['is_metric'] else f'{scale["meters_per_unit"]:.4g} m a unit'
    return f'{metric}, sigma {sigma}, from {scale["source"]}'


def _counts(counts: Mapping[str, int]) -> str:
    return ', '.join(f'{count} {name}' for name, count in sorted(counts.items()))


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ''
    lines = ''.join(f'<li class="warning">{html.escape(each)}</li>' for each in warnings)
    return f'<ul>{lines}</ul>'


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = ''.join(
        f'<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>' for name, text in rows
    )
    return f'<table>{cells}</table>'


def _picture(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode('ascii')
    caption = html.escape(_CAPTIONS.get(path.name, path.stem))
    return f'<h2>{caption}</h2><img alt="{caption}" src="data:image/png;base64,{data}">'
