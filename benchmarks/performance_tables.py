"""Performance tables: results of the benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Line = Mapping[str, Any]


def performance_tables(results: Mapping[str, Sequence[Line]]) -> str:
    """Return the results as Markdown, the ratio first in every row.

    Args:
        results: By benchmark, the lines that it printed.
    """
    writers = {
        'streaming': _streaming,
        'window_cost': _window_cost,
        'node': _node,
        'messages': _messages,
    }
    parts = []
    for name, write in writers.items():
        lines = [line for line in results.get(name, ()) if 'failed' not in line]
        if lines:
            parts.append(write(lines))
    return '\n'.join(parts)


def _streaming(lines: Sequence[Line]) -> str:
    rows = [
        [
            f'{line["throughput_ratio"]:.2f}x',
            f'{line["latency_ratio"]:.2f}',
            line['network'],
            '{1} x {0}'.format(*line['image_size']),
            line['precision'] + (', compiled' if line['is_compiled'] else ''),
            'alike' if line['has_equal_products'] else 'as published',
            line['overlap'],
            f'{line["plain_frames_per_s"]:.2f} → {line["streaming_frames_per_s"]:.2f}',
            f'{1000 * line["plain_s"]:.0f} → {1000 * line["streaming_latency_s"]:.0f}',
            f'{line["plain_gb"]:.2f} → {line["streaming_gb"]:.2f}',
            f'{line["largest_difference"]:.1g}',
        ]
        for line in lines
    ]
    head = [
        'new frames/s, ratio',
        'latency, ratio',
        'network',
        'images',
        'streaming',
        'plain multiplies',
        'overlap of 8',
        'new frames/s',
        'ms to the answer',
        'peak memory [GB]',
        'largest difference',
    ]
    return _table('Streaming against the plain pass', _machines(lines), head, rows)


def _window_cost(lines: Sequence[Line]) -> str:
    rows = [
        [
            f'{line["peak_gb"] / line["weights_gb"]:.2f}x',
            line['network'],
            '{1} x {0}'.format(*line['image_size']),
            line['precision'],
            line['window'],
            'all' if line['all_heads'] else 'camera, depth',
            f'{line["window_s"]:.3f}',
            f'{line["weights_gb"]:.2f}',
            f'{line["peak_gb"]:.2f}',
        ]
        for line in lines
    ]
    head = [
        'peak, ratio',
        'network',
        'images',
        'precision',
        'frames in the window',
        'heads',
        'time [s]',
        'program and weights [GB]',
        'peak [GB]',
    ]
    return _table('Memory and time of a window', _machines(lines), head, rows)


def _node(lines: Sequence[Line]) -> str:
    rows = [
        [
            f'{line["latency_p95_over_window"]:.2f}',
            f'{line["camera_hz"]:g}',
            f'{line["window_s"]:.2f}',
            f'{line["latency_p50_s"]:.2f}',
            f'{line["latency_p95_s"]:.2f}',
            f'{line["clouds_per_s"]:.1f}',
            line['frames_in'],
            line['frames_used'],
            ', '.join(f'{reason} {n}' for reason, n in line['drops'].items()) or 'none',
            line['windows_without_overlap'],
        ]
        for line in lines
    ]
    head = [
        'p95 / window time',
        'camera [Hz]',
        'window [s]',
        'p50 [s]',
        'p95 [s]',
        'clouds/s',
        'images in',
        'used',
        'dropped',
        'windows without overlap',
    ]
    return _table('From image stamp to published cloud', _machines(lines), head, rows)


def _messages(lines: Sequence[Line]) -> str:
    rows = [
        [
            f'{line["ms"] / line["copy_ms"]:.1f}x',
            f'`{line["topic"]}`',
            f'{line["ms"]:.2f}',
            f'{line["copy_ms"]:.2f}',
            f'{line["bytes"] / 1e6:.2f}',
        ]
        for line in lines
    ]
    head = ['against a copy', 'message', 'ms', 'a copy of as much [ms]', 'MB']
    return _table('Building messages', _machines(lines), head, rows)


def _machines(lines: Sequence[Line]) -> str:
    return '; '.join(dict.fromkeys(line['machine'] for line in lines if 'machine' in line))


def _table(title: str, machine: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [f'### {title}', '', *([f'{machine}.', ''] if machine else [])]
    lines.append(f'| {" | ".join(head)} |')
    lines.append('|' + '---|' * len(head))
    lines += [f'| {" | ".join(str(cell) for cell in row)} |' for row in rows]
    return '\n'.join(lines) + '\n'
